"""Read labelled data for training and evaluating from any source, as tables.

Every table has the columns `text` and `label` (lists of labels in multi-label data). Training data
may also have `weight`, above 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import numpy as np

from wave_network.config import Label
from wave_network.data.columns import Columns
from wave_network.data.files import check_file, matching_files
from wave_network.data.folders import find_parts
from wave_network.data.label_column import LabelColumn, join_labels
from wave_network.data.label_forms import from_indicators, plain_forms
from wave_network.data.labels import MultiLabel, SingleLabel
from wave_network.data.load import is_untyped, load_file, load_texts
from wave_network.data.read_options import ReadOptions
from wave_network.data.table import Table, concatenate
from wave_network.data.texts import TextWriter
from wave_network.data.weights import WEIGHTLESS, without_weightless
from wave_network.errors import DataError, listed
from wave_network.huggingface.ids import HUB_ID
from wave_network.scale.arrays import ArrayWriter

if TYPE_CHECKING:
    from wave_network.scale.cache import Cache

_Loaded: TypeAlias = tuple[dict[str, Table], tuple[Label, ...] | None]

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

    train: Table
    validation: Table | None = None
    test: Table | None = None
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
    cache: Cache | None = None,
) -> Splits:
    """Read all splits of a data set, for training.

    The labels of `.csv`, `.tsv`, `.xlsx` and fastText files, and the names of folders of classes,
    are integers if every one of them, in all splits, is written as an integer (`01` is not);
    otherwise they are strings.

    Args:
        data: A `.csv`, `.tsv`, `.jsonl`, `.json`, `.parquet`, `.xlsx` or fastText `.txt` file, also
            compressed (`.gz`, `.zst`, `.zip`); a folder with `train.*` and optionally
            `validation.*` (or `valid.*`, `val.*`, `dev.*`) and `test.*`, or with a folder of `.txt`
            files for each class; a pattern of files, such as `part-*.parquet`, which are joined in
            the order of their names; `hub:OWNER/NAME`, or `hub:OWNER/NAME@REVISION`; or `sample`,
            the bundled data.
        text_column: The column of the texts.
        label_column: The column of the labels. If it contains lists, or a fastText file has
            several labels per text, the data is multi-label, and `label` is a list.
        label_separator: The separator between several labels in a column of strings.
        weight_column: The column of sample weights of the training texts, numbers from 0. Rows
            of weight 0 are left out. None: there are no weights.
        encoding: The encoding of text files without a byte order mark.
        quoting: Whether the fields of `.csv` and `.tsv` files are quoted: `csv`; `none`, where a
            quotation mark is an ordinary character; or `auto`, which decides for each file.
        cache: Keeps the rows of files for another training; None: nothing does.

    Raises:
        ConfigError: If the encoding or the quoting is unknown.
        DataError: If the data cannot be used.
        OutputError: If the disk cannot take the working copy.
        MissingExtraError: If a format needs a library that is not installed.
    """
    columns = _columns(text_column, label_column, label_separator, weight_column)
    options = ReadOptions(encoding, quoting, cache)
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
    cache: Cache | None = None,
) -> tuple[Table, str]:
    """Read one split of a data set, for evaluation.

    Args:
        data: As for `read_splits`; a folder needs no `train.*`.
        split_preference: If the data has several splits, the first of these that it has is read.
        text_column: The column of the texts.
        label_column: The column of the labels.
        label_separator: As for `read_splits`.
        encoding: As for `read_splits`.
        quoting: As for `read_splits`.
        cache: As for `read_splits`.

    Returns:
        The table, and the name of the split; for a single file or a folder of classes, its
        name.

    Raises:
        ConfigError: If the encoding or the quoting is unknown.
        DataError: If the data cannot be used.
        OutputError: If the disk cannot take the working copy.
        MissingExtraError: If a format needs a library that is not installed.
    """
    columns = _columns(text_column, label_column, label_separator)
    options = ReadOptions(encoding, quoting, cache)
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
    cache: Cache | None = None,
) -> Table:
    """Read texts without labels.

    Args:
        path: A file, or a pattern of files, as for `read_splits`; a `.txt` file has one text per
            line.
        text_column: The column of the texts; all others are ignored.
        encoding: As for `read_splits`.
        quoting: As for `read_splits`.
        cache: As for `read_splits`.

    Returns:
        A table with the column `text`.

    Raises:
        ConfigError: If the encoding or the quoting is unknown.
        DataError: If the file cannot be used.
        OutputError: If the disk cannot take the working copy.
        MissingExtraError: If a format needs a library that is not installed.
    """
    options = ReadOptions(encoding, quoting, cache)
    paths = matching_files(path) or [Path(path)]
    for each in paths:
        check_file(each)
    if len(paths) == 1:
        return load_texts(paths[0], text_column, options)
    texts = TextWriter()
    for each in paths:
        texts.append_texts(load_texts(each, text_column, options)["text"])
    return Table(texts.finish())


def source_of(data: str | Path, split: str) -> str:
    """Name data for messages, with the split that is read unless it is a single file.

    Args:
        data: As for `read_splits`.
        split: The name of the split, or of the file, as `read_dataset` returns it.
    """
    return str(data) if Path(data).name == split else f"{data} ({split})"


def labelling_type(rows: Table) -> type[SingleLabel] | type[MultiLabel]:
    """Return the type of labelling that the labels of rows need."""
    return MultiLabel if rows["label"].listed else SingleLabel


def joined_rows(first: Table, second: Table) -> Table:
    """Concatenate two labelled tables.

    If the labels are integers in one and strings in the other, all become strings. If those of
    only one are lists, all become lists.
    """
    columns = [first["label"], second["label"]]
    if any(column.listed for column in columns):
        columns = [column.as_lists() for column in columns]
    if len({column.kind for column in columns if column.values}) > 1:
        columns = [column.mapped(str) for column in columns]
    parts = zip((first, second), columns, strict=True)
    return concatenate([part.with_labels(labels) for part, labels in parts])


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
    from wave_network.data.hub import load_hub

    splits = load_hub(hub_id, columns)
    names = {name: f"hub:{hub_id} ({name})" for name in splits}
    labels = plain_forms({names[name]: split["label"] for name, split in splits.items()})
    return _with_labels(splits, {name: labels[names[name]] for name in splits})


def _load_parts(
    parts: Mapping[str, Sequence[Path]], columns: Columns, options: ReadOptions
) -> _Loaded:
    """Load each split, with labels of one type in all files of all of them."""
    splits: dict[str, Table] = {}
    labels: dict[str, LabelColumn] = {}
    for name, paths in parts.items():
        splits[name], found = _load_files(paths, columns.of(name), options)
        labels |= zip(map(str, paths), found, strict=True)
    labels = _with_one_label_type(plain_forms(labels))
    joined = {
        name: join_labels([labels[str(path)] for path in paths]) for name, paths in parts.items()
    }
    return _with_labels(splits, joined)


def _load_files(
    paths: Sequence[Path], columns: Columns, options: ReadOptions
) -> tuple[Table, list[LabelColumn]]:
    """Load files one after the other, and join them.

    Returns:
        Their rows; and the labels of each, which may be of different types.
    """
    if len(paths) == 1:
        rows = load_file(paths[0], columns, options)
        return rows, [rows["label"]]
    texts, weights, labels = TextWriter(), ArrayWriter(np.float64), []
    for path in paths:
        rows = load_file(path, columns, options)
        texts.append_texts(rows["text"])
        labels.append(rows["label"])
        if columns.weight is not None:
            weights.append(rows["weight"])
    return Table(texts.finish(), None, weights.finish() if columns.weight else None), labels


def _with_labels(splits: Mapping[str, Table], labels: Mapping[str, LabelColumn]) -> _Loaded:
    """Set the labels of each split, and read lists of 0 and 1 as columns."""
    columns, classes = from_indicators(labels)
    return {name: split.with_labels(columns[name]) for name, split in splits.items()}, classes


def _with_one_label_type(columns: Mapping[str, LabelColumn]) -> dict[str, LabelColumn]:
    """Convert the labels of files, by their paths, to one type."""
    columns = dict(columns)
    if any(column.listed for column in columns.values()):
        columns = {path: column.as_lists() for path, column in columns.items()}
    untyped = [path for path in columns if is_untyped(Path(path))]
    # A file whose lists are all empty fits any type.
    kinds = {path: column.kind for path, column in columns.items() if column.values}
    as_strings = any(kind is str for path, kind in kinds.items() if path not in untyped)
    if not as_strings and all(_are_integers(columns[path]) for path in untyped):
        columns |= {path: columns[path].mapped(int) for path in untyped}
    there = {path: column.kind_name for path, column in columns.items() if column.values}
    # Booleans and floats are compared with what other files have instead.
    if {*there.values()} >= {"string", "int64"}:
        named = ", ".join(f"{kind} in {path}" for path, kind in there.items())
        raise DataError(f"the labels differ in type ({named}): make all strings or all integers")
    return columns


def _are_integers(labels: LabelColumn) -> bool:
    """Whether all labels are integers, or are written as such."""
    if labels.kind is not str:
        return labels.kind is int
    written = map(str, labels.values)
    return all(_INTEGER.fullmatch(one) and -(2**63) <= int(one) < 2**63 for one in written)
