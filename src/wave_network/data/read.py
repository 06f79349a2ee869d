"""Read labelled data for training and evaluating from any source, as Arrow data sets.

Every data set has exactly the columns `text` (string) and `label` (string or int64; lists of them
in multi-label data). Training data may also have `weight` (float64, above 0). The `datasets`
library is loaded on first use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np

from wave_network.config import Label
from wave_network.data.arrow import (
    is_untyped,
    label_type_of,
    load_file,
    load_hub,
    load_texts,
    with_label_lists,
    with_labels,
)
from wave_network.data.columns import Columns
from wave_network.data.files import check_file
from wave_network.data.folders import find_parts
from wave_network.data.label_forms import from_indicators, plain_forms
from wave_network.data.labels import MultiLabel, SingleLabel
from wave_network.data.parquet import LabelType
from wave_network.data.read_options import ReadOptions
from wave_network.errors import DataError, listed
from wave_network.huggingface.ids import HUB_ID

if TYPE_CHECKING:
    from datasets import Dataset
    from pyarrow import ChunkedArray

    _Loaded: TypeAlias = tuple[dict[str, Dataset], tuple[Label, ...] | None]

_ROWS_AT_ONCE: Final = 1_000
_BYTES_AT_ONCE: Final = 2**24
_BYTES_IN_ONE_PIECE: Final = 2**28  # of a column that is copied into memory
WEIGHTLESS: Final = "weight 0"
"""Why rows are left out."""

_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]{0,18}", re.ASCII)


class Splits(NamedTuple):
    """The splits of a data set; only `train` is always present.

    Attributes:
        train: The training rows.
        validation: The validation rows.
        test: The test rows.
        classes: The classes, where the labels have a column for each, in its order; else None.
        sources: Where each split is from, by its name.
        left_out: Number of training rows that were left out, by the reason.
    """

    train: Dataset
    validation: Dataset | None = None
    test: Dataset | None = None
    classes: tuple[Label, ...] | None = None
    sources: Mapping[str, str] = MappingProxyType({})
    left_out: Mapping[str, int] = MappingProxyType({})


def read_splits(
    data: str | Path,
    text_column: str = "text",
    label_column: str = "label",
    label_separator: str | None = None,
    weight_column: str | None = None,
    encoding: str = "utf-8",
    quoting: str = "auto",
) -> Splits:
    """Read all splits of a data set, for training.

    The labels of `.csv`, `.tsv`, `.xlsx` and fastText files, and the names of folders of classes,
    are integers if every one of them, in all splits, is written as an integer (`01` is not);
    otherwise they are strings.

    Args:
        data: A `.csv`, `.tsv`, `.jsonl`, `.json`, `.parquet`, `.xlsx` or fastText `.txt` file, also
            compressed (`.gz`, `.zst`, `.zip`); a folder with `train.*` and optionally
            `validation.*` (or `valid.*`, `val.*`, `dev.*`) and `test.*`, or with a folder of `.txt`
            files for each class; `hub:OWNER/NAME`, or `hub:OWNER/NAME@REVISION`; or `sample`, the
            bundled data.
        text_column: The column of the texts.
        label_column: The column of the labels. If it contains lists, or a fastText file has
            several labels per text, the data is multi-label, and `label` is a list.
        label_separator: The separator between several labels in a column of strings.
        weight_column: The column of sample weights of the training texts, numbers from 0. Rows
            of weight 0 are left out. None: there are no weights.
        encoding: The encoding of text files without a byte order mark.
        quoting: Whether the fields of `.csv` and `.tsv` files are quoted: `csv`; `none`, where a
            quotation mark is an ordinary character; or `auto`, which decides for each file.

    Raises:
        ConfigError: If the encoding or the quoting is unknown.
        DataError: If the data cannot be used.
        OutputError: If the disk cannot take the working copy.
        MissingExtraError: If `datasets` is not installed.
    """
    columns = _columns(text_column, label_column, label_separator, weight_column)
    options = ReadOptions(encoding, quoting)
    single = False
    if hub_id := _hub_id(data):
        splits, classes = _load_hub(hub_id, columns)
    else:
        parts = find_parts(data)
        splits, classes = _load_parts(parts, columns, options)
        single = [Path(data)] in parts.values()
    if "train" not in splits:
        raise DataError(
            f"{data} has no train split, only {listed(list(splits))}: add a train split"
        )
    rows = len(splits["train"])
    if weight_column is not None:
        splits["train"] = without_weightless(splits["train"])
    weightless = rows - len(splits["train"])
    left_out = {WEIGHTLESS: weightless} if weightless else {}
    sources = {name: source_of(data, Path(data).name if single else name) for name in splits}
    return Splits(**splits, classes=classes, sources=sources, left_out=left_out)


def read_dataset(
    data: str | Path,
    split_preference: Sequence[str] = ("test", "validation", "train"),
    text_column: str = "text",
    label_column: str = "label",
    label_separator: str | None = None,
    encoding: str = "utf-8",
    quoting: str = "auto",
) -> tuple[Dataset, str]:
    """Read one split of a data set, for evaluation.

    Args:
        data: As for `read_splits`; a folder needs no `train.*`.
        split_preference: If the data has several splits, the first of these that it has is read.
        text_column: The column of the texts.
        label_column: The column of the labels.
        label_separator: As for `read_splits`.
        encoding: As for `read_splits`.
        quoting: As for `read_splits`.

    Returns:
        The data set, and the name of the split; for a single file or a folder of classes, its
        name.

    Raises:
        ConfigError: If the encoding or the quoting is unknown.
        DataError: If the data cannot be used.
        OutputError: If the disk cannot take the working copy.
        MissingExtraError: If `datasets` is not installed.
    """
    columns = _columns(text_column, label_column, label_separator)
    options = ReadOptions(encoding, quoting)
    if hub_id := _hub_id(data):
        splits, _ = _load_hub(hub_id, columns)
        name = _first_of(split_preference, splits, data)
        return splits[name], name
    parts = find_parts(data)
    if [Path(data)] in parts.values():
        return _load_parts(parts, columns, options)[0]["train"], Path(data).name
    name = _first_of(split_preference, parts, data)
    return _load_parts({name: parts[name]}, columns, options)[0][name], name


def read_texts(
    path: str | Path,
    text_column: str = "text",
    encoding: str = "utf-8",
    quoting: str = "auto",
) -> Dataset:
    """Read texts without labels.

    Args:
        path: A file as for `read_splits`; a `.txt` file has one text per line.
        text_column: The column of the texts; all others are ignored.
        encoding: As for `read_splits`.
        quoting: As for `read_splits`.

    Returns:
        A data set with the column `text`.

    Raises:
        ConfigError: If the encoding or the quoting is unknown.
        DataError: If the file cannot be used.
        OutputError: If the disk cannot take the working copy.
        MissingExtraError: If `datasets` is not installed.
    """
    check_file(Path(path))
    return load_texts(Path(path), text_column, ReadOptions(encoding, quoting))


def source_of(data: str | Path, split: str) -> str:
    """Name data for messages, with the split that is read unless it is a single file.

    Args:
        data: As for `read_splits`.
        split: The name of the split, or of the file, as `read_dataset` returns it.
    """
    return str(data) if Path(data).name == split else f"{data} ({split})"


def labelling_type(dataset: Dataset) -> type[SingleLabel] | type[MultiLabel]:
    """Return the type of labelling that the data set's labels need."""
    return MultiLabel if label_type_of(dataset).listed else SingleLabel


def joined_rows(first: Dataset, second: Dataset) -> Dataset:
    """Concatenate two labelled data sets.

    If the labels are integers in one and strings in the other, all become strings. If those of
    only one are lists, all become lists.
    """
    from datasets import concatenate_datasets

    parts = [first, second]
    if any(label_type_of(part).listed for part in parts):
        parts = [p if label_type_of(p).listed else with_label_lists(p) for p in parts]
    if len({label_type_of(part).value for part in parts}) > 1:
        kind = LabelType("string", label_type_of(parts[0]).listed).arrow_type()
        parts = [with_labels(p, p.data.column("label").cast(kind)) for p in parts]
    return concatenate_datasets(parts)


def column(rows: Dataset, name: str) -> Iterator[Any]:
    """Yield the values of a column in order, read chunk by chunk.

    Args:
        rows: Any data set.
        name: One of its columns.
    """
    return chain.from_iterable(column_chunks(rows, name))


def column_chunks(rows: Dataset, name: str) -> Iterator[list[Any]]:
    """Yield the values of a column in order, a thousand at a time, or fewer if they are long.

    Args:
        rows: Any data set.
        name: One of its columns.
    """
    values, places = rows.data.column(name), getattr(rows, "_indices", None)
    at_once = _BYTES_AT_ONCE * max(len(values), 1) // max(values.nbytes, 1)
    at_once = min(max(at_once, 1), _ROWS_AT_ONCE)
    if places is None or values.nbytes > _BYTES_IN_ONE_PIECE:
        for chunk in rows.select_columns([name]).iter(batch_size=at_once):
            yield chunk[name]
        return
    # `datasets` would look up each row separately.
    whole = values.combine_chunks()
    for start in range(0, len(rows), at_once):
        yield whole.take(places.column(0).slice(start, at_once)).to_pylist()


def _columns(
    text_column: str,
    label_column: str,
    label_separator: str | None,
    weight_column: str | None = None,
) -> Columns:
    if weight_column in (text_column, label_column):
        raise DataError(f"column {weight_column!r} cannot be the weight and something else too")
    if text_column == label_column:
        raise DataError(f"column {text_column!r} cannot be both the text and the label")
    if label_separator == "":
        raise DataError("the label separator is empty: give the text that separates labels")
    return Columns(text_column, label_column, weight_column, label_separator)


def _hub_id(data: str | Path) -> str | None:
    if not str(data).startswith("hub:"):
        return None
    hub_id = str(data).removeprefix("hub:")
    if not HUB_ID.fullmatch(hub_id):
        raise DataError(f"{data} is not the name of a data set on the Hub: write hub:OWNER/NAME")
    return hub_id


def _first_of(preference: Sequence[str], splits: Mapping[str, object], data: str | Path) -> str:
    for name in preference:
        if name in splits:
            return name
    raise DataError(f"{data} has only {listed(list(splits))}, none of {listed(preference)}")


def _load_hub(hub_id: str, columns: Columns) -> _Loaded:
    """Load each split, with its labels in plain forms."""
    splits = load_hub(hub_id, columns)
    names = {name: f"hub:{hub_id} ({name})" for name in splits}
    return _without_indicators(_in_plain_forms(splits, names))


def _load_parts(
    parts: Mapping[str, Sequence[Path]], columns: Columns, options: ReadOptions
) -> _Loaded:
    """Load each split, with labels of one type in all files of all of them."""
    loaded = {
        str(path): load_file(path, columns.of(name), options)
        for name, paths in parts.items()
        for path in paths
    }
    loaded = _with_one_label_type(_in_plain_forms(loaded, {path: path for path in loaded}))
    return _without_indicators(
        {name: _joined([loaded[str(path)] for path in paths]) for name, paths in parts.items()}
    )


def _in_plain_forms(parts: Mapping[str, Dataset], names: Mapping[str, str]) -> dict[str, Dataset]:
    """Convert the labels of all parts to plain forms; the names are for messages."""
    columns = {names[name]: part.data.column("label") for name, part in parts.items()}
    return _relabelled(parts, list(plain_forms(columns).values()))


def _without_indicators(splits: Mapping[str, Dataset]) -> _Loaded:
    columns = {name: split.data.column("label") for name, split in splits.items()}
    changed, classes = from_indicators(columns)
    return _relabelled(splits, list(changed.values())), classes


def _relabelled(
    parts: Mapping[str, Dataset], columns: Sequence[ChunkedArray]
) -> dict[str, Dataset]:
    return {
        name: part if column is part.data.column("label") else with_labels(part, column)
        for (name, part), column in zip(parts.items(), columns, strict=True)
    }


def _joined(parts: list[Dataset]) -> Dataset:
    if len(parts) == 1:
        return parts[0]
    from datasets import concatenate_datasets

    return concatenate_datasets(parts)


def _with_one_label_type(loaded: dict[str, Dataset]) -> dict[str, Dataset]:
    if any(label_type_of(rows).listed for rows in loaded.values()):
        loaded = {
            path: rows if label_type_of(rows).listed else with_label_lists(rows)
            for path, rows in loaded.items()
        }
    untyped = [path for path in loaded if is_untyped(Path(path))]
    typed = [path for path in loaded if path not in untyped]
    as_strings = any(label_type_of(loaded[path]).value == "string" for path in typed)
    if not as_strings and all(_has_integer_labels(loaded[path]) for path in untyped):
        loaded |= {path: _with_integer_labels(loaded[path]) for path in untyped}
    kinds = {path: label_type_of(rows).value for path, rows in loaded.items()}
    # Booleans and floats are compared with what other files have instead.
    if set(kinds.values()) >= {"string", "int64"}:
        there = ", ".join(f"{kind} in {path}" for path, kind in kinds.items())
        raise DataError(f"the labels differ in type ({there}): make all strings or all integers")
    return loaded


def _has_integer_labels(dataset: Dataset) -> bool:
    import pyarrow.compute as pc

    labels, kind = dataset.data.column("label"), label_type_of(dataset)
    if kind.value != "string":
        return kind.value == "int64"
    if kind.listed:
        labels = pc.list_flatten(labels)
    return all(
        _INTEGER.fullmatch(label) and -(2**63) <= int(label) < 2**63
        for label in pc.unique(labels).to_pylist()
    )


def _with_integer_labels(dataset: Dataset) -> Dataset:
    kind = LabelType("int64", label_type_of(dataset).listed)
    return with_labels(dataset, dataset.data.column("label").cast(kind.arrow_type()))


def without_weightless(rows: Dataset) -> Dataset:
    """Check the weights, and leave out rows of weight 0."""
    weights = np.asarray(rows["weight"][:])
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong):
        raise DataError(
            f"weight {wrong[0]} is {weights[wrong[0]]}: weights are finite numbers from 0"
        )
    if weights.all():
        return rows
    if not weights.any():
        raise DataError("all weights are zero: give at least one text a weight above 0")
    return rows.select(np.flatnonzero(weights))
