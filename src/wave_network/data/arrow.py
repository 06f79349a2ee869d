"""Load files and Hub data sets as memory-mapped Arrow tables; needs the `datasets` library."""

from __future__ import annotations

import errno
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from wave_network.data.columns import LABEL_OPTION, TEXT_OPTION, WEIGHT_OPTION, Columns
from wave_network.data.files import UNTYPED_ENDINGS, column_index, format_of
from wave_network.data.folders import SPLIT_NAMES, iter_class_rows
from wave_network.data.parquet import (
    LABEL_KINDS,
    LabelType,
    check_text_type,
    check_weight_type,
    first_missing,
    iter_batches,
    label_type,
    label_type_for,
    missing_value,
    one_line,
    open_parquet,
)
from wave_network.data.read_options import ReadOptions
from wave_network.data.rows import Row, iter_rows, iter_texts, split_labels
from wave_network.data.working_copy import batches_of, unchanging, working_copy
from wave_network.errors import DataError, MissingExtraError, OutputError, WaveNetworkError
from wave_network.huggingface.ids import split_revision
from wave_network.progress.stages import stage, tracked

if TYPE_CHECKING:
    from datasets import Dataset, Features
    from pyarrow import ChunkedArray

logger = logging.getLogger(__name__)


def load_file(path: Path, columns: Columns, options: ReadOptions) -> Dataset:
    """Load a file, or a folder of classes, as the columns `text` and `label`.

    Raises:
        DataError: If the file, or one of its rows, cannot be used.
        OutputError: If the temporary folder cannot take the copy.
        MissingExtraError: If `datasets` is not installed.
    """
    check_installed()
    with unchanging(path):
        if is_untyped(path) or format_of(path) != ".parquet":
            return _load_rows(path, columns, options)
        return _load_parquet(path, columns)


def load_texts(path: Path, text_column: str, options: ReadOptions) -> Dataset:
    """Load the texts of a file as the column `text`.

    Raises:
        DataError: If the file, or one of its texts, cannot be used.
        OutputError: If the temporary folder cannot take the copy.
        MissingExtraError: If `datasets` is not installed.
    """
    check_installed()
    import pyarrow as pa

    schema = pa.schema({"text": pa.string()})
    with unchanging(path), stage(f"reading {path.name}"):
        texts = tracked(iter_texts(path, text_column, options.encoding, options.quoting))
        return working_copy(path, schema, batches_of((Row(text, None) for text in texts), schema))


def is_untyped(path: Path) -> bool:
    """Whether a file, or a folder of classes, does not distinguish integers from strings."""
    return os.path.isdir(path) or format_of(path) in UNTYPED_ENDINGS


def load_hub(hub_id: str, columns: Columns) -> dict[str, Dataset]:
    """Load the splits of a Hub data set that have labels.

    Raises:
        DataError: If there is no such data set, it cannot be reached, or it cannot be used.
        OutputError: If the disk cannot take the download.
        MissingExtraError: If `datasets` is not installed.
    """
    check_installed()
    from datasets import load_dataset

    repository, revision = split_revision(hub_id)
    with _quiet(bars=sys.stderr.isatty()):
        try:
            loaded = load_dataset(repository, revision=revision)
        except Exception as error:
            raise _hub_error(hub_id, error) from error
        splits = {
            name: tidy(loaded[name], columns.of(name), f"hub:{hub_id} ({name})")
            for name in SPLIT_NAMES
            if name in loaded
        }
    for name, split in splits.items():
        if split is None:
            logger.warning("hub:%s (%s) has no labels: it is left out", hub_id, name)
    return {name: split for name, split in splits.items() if split is not None}


def tidy(dataset: Dataset, columns: Columns, where: str) -> Dataset | None:
    """Reduce a Hub split to `text` and `label`, with the names of the classes as labels.

    Returns:
        The two columns, or None for a split without labels, which have null or -1 instead.

    Raises:
        DataError: If a column is missing or has the wrong type, or a value is missing.
    """
    options = (TEXT_OPTION, LABEL_OPTION, WEIGHT_OPTION)
    for name, option in zip(columns.names, options, strict=False):
        column_index(dataset.column_names, name, option, where)
    dataset = _with_string_texts(_named(dataset, columns), columns.text, where)
    labels = _label_column(dataset, columns.label, where)
    if labels.null_count == len(labels):
        return None
    dataset = _with_float_weights(with_labels(dataset, labels), columns, where)
    _check_values(dataset, where)
    return _with_separated_labels(dataset, columns.separator)


def with_labels(dataset: Dataset, labels: ChunkedArray) -> Dataset:
    """Replace the labels, and leave the texts on disk."""
    return dataset.remove_columns("label").add_column("label", labels)


def with_label_lists(dataset: Dataset) -> Dataset:
    """Convert each label to a list of one."""
    import pyarrow as pa

    labels = dataset.data.column("label").combine_chunks()
    lists = pa.ListArray.from_arrays(pa.array(range(len(labels) + 1), pa.int32()), labels)
    return with_labels(dataset, pa.chunked_array([lists]))


def label_type_of(dataset: Dataset) -> LabelType:
    """Return the type of a data set's labels."""
    from pyarrow import types

    kind = dataset.data.column("label").type
    listed = types.is_list(kind)
    return LabelType(str(kind.value_type if listed else kind), listed)  # type: ignore[arg-type]


def features_of(label: LabelType, *, weighted: bool = False) -> Features:
    """Return the features of a data set with labels of that type."""
    import pyarrow as pa
    from datasets import Features

    weight = {"weight": pa.float64()} if weighted else {}
    return Features.from_arrow_schema(
        pa.schema({"text": pa.string(), "label": label.arrow_type(), **weight})
    )


def check_installed() -> None:
    """Check that `datasets` is installed.

    Raises:
        MissingExtraError: If it is not installed.
    """
    try:
        import datasets  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("train", "reading labelled data") from error


def _load_rows(path: Path, columns: Columns, options: ReadOptions) -> Dataset:
    def rows() -> Iterator[Row]:
        if os.path.isdir(path):
            return iter_class_rows(path, options)
        return iter_rows(path, *columns, options=options)

    with stage(f"reading {path.name}"):
        read = tracked(rows())
        first = next(read)
        # In JSON the first list may be empty: then those after it tell the type.
        known = first.label if first.label != [] or is_untyped(path) else _first_label(rows())
        label = _label_type_of(known)
        schema = features_of(label, weighted=columns.weight is not None).arrow_schema
        return working_copy(path, schema, batches_of(chain([first], read), schema))


def _first_label(rows: Iterator[Row]) -> object:
    return next((row.label for row in rows if row.label != []), [])


def _label_type_of(label: object) -> LabelType:
    """Return the type of a label or a list of labels; those of an empty list are strings."""
    listed = isinstance(label, list)
    one = next(iter(label), "") if isinstance(label, list) else label
    return label_type_for(one, listed=listed)


def _load_parquet(path: Path, columns: Columns) -> Dataset:
    with open_parquet(path) as file:
        check_text_type(file, path, columns.text)
        label = label_type(file, path, columns.label)
        if columns.weight is not None:
            check_weight_type(file, path, columns.weight)
        schema = features_of(label, weighted=columns.weight is not None).arrow_schema
        batches = iter_batches(file, path, columns.names, schema)
        read = tracked(
            batches, f"reading {path.name}", file.metadata.num_rows, units_in=lambda b: b.num_rows
        )
        dataset = working_copy(path, schema, read)
    return _with_separated_labels(dataset, columns.separator)


def _named(dataset: Dataset, columns: Columns) -> Dataset:
    names = dict(zip(columns.names, Columns._fields, strict=False))
    dataset = dataset.select_columns(columns.names).rename_columns(names)
    return dataset.select_columns(list(names.values()))


def _with_string_texts(dataset: Dataset, name: str, where: str) -> Dataset:
    from datasets import Value
    from pyarrow import types

    kind = dataset.data.column("text").type
    if types.is_string(kind):
        return dataset
    if types.is_large_string(kind):
        return dataset.cast_column("text", Value("string"))
    raise DataError(f"{where}: column {name!r} has {kind}, not strings")


def _with_float_weights(dataset: Dataset, columns: Columns, where: str) -> Dataset:
    import pyarrow as pa
    from datasets import Value

    if columns.weight is None:
        return dataset
    kind = dataset.data.column("weight").type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise DataError(f"{where}: column {columns.weight!r} has {kind}, not numbers")
    return dataset.cast_column("weight", Value("float64"))


def _label_column(dataset: Dataset, name: str, where: str) -> ChunkedArray:
    """Return the labels as strings or integers, or as lists of them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    labels, feature = dataset.data.column("label"), dataset.features["label"]
    if not (pa.types.is_list(labels.type) or pa.types.is_large_list(labels.type)):
        return _plain_labels(labels, feature, name, where)
    lengths = pc.list_value_length(labels)
    if lengths.null_count:
        return lengths.cast(pa.int64())  # any type would do: missing labels are refused later
    ends = pc.cumulative_sum(lengths.cast(pa.int32())).combine_chunks()
    values = _plain_labels(pc.list_flatten(labels), getattr(feature, "feature", None), name, where)
    starts = pa.concat_arrays([pa.array([0], pa.int32()), ends])
    return pa.chunked_array([pa.ListArray.from_arrays(starts, values.combine_chunks())])


def _plain_labels(labels: ChunkedArray, feature: object, name: str, where: str) -> ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc
    from datasets import ClassLabel

    if isinstance(feature, ClassLabel):
        known = pc.if_else(pc.greater_equal(labels, 0), labels, None)
        return pc.take(pa.chunked_array([pa.array(feature.names)]), known)
    if pa.types.is_integer(labels.type):
        return labels.cast(pa.int64())
    if pa.types.is_floating(labels.type):
        return labels.cast(pa.float64())
    if pa.types.is_boolean(labels.type):
        return labels
    if pa.types.is_string(labels.type) or pa.types.is_large_string(labels.type):
        return labels.cast(pa.string())
    raise DataError(f"{where}: column {name!r} has {labels.type}: {LABEL_KINDS}")


def _with_separated_labels(dataset: Dataset, separator: str | None) -> Dataset:
    """Split string labels; other labels become lists of one, lists are unchanged."""
    import pyarrow as pa

    kind = label_type_of(dataset)
    if separator is None or kind.listed:
        return dataset
    if kind.value != "string":
        return with_label_lists(dataset)
    lists = [
        pa.array(
            [split_labels(label, separator) for label in chunk.to_pylist()],
            LabelType("string", listed=True).arrow_type(),
        )
        for chunk in dataset.data.column("label").chunks
    ]
    return with_labels(dataset, pa.chunked_array(lists))


def _check_values(dataset: Dataset, where: str) -> None:
    """Refuse what is missing, or not valid Unicode."""
    from pyarrow import ArrowInvalid

    for name in dataset.column_names:
        values = dataset.data.column(name)
        try:
            values.validate(full=True)
        except ArrowInvalid as error:
            raise DataError(f"{where} cannot be used: {one_line(error)}") from error
        missing = first_missing(values.combine_chunks()) if _has_missing(values) else None
        if missing is not None:
            raise missing_value(where, missing + 1, name)


def _has_missing(values: ChunkedArray) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    listed = pa.types.is_list(values.type)
    return bool(values.null_count or (listed and pc.list_flatten(values).null_count))


def _hub_error(hub_id: str, error: Exception) -> WaveNetworkError:
    from datasets.exceptions import DatasetGenerationError

    cause: BaseException = error
    if isinstance(error, DatasetGenerationError):
        cause = error.__cause__ or error
    if isinstance(cause, OSError) and cause.errno == errno.ENOSPC:
        return OutputError(f"hub:{hub_id} does not fit on the disk: free some space or set HF_HOME")
    return DataError(
        f"hub:{hub_id} cannot be loaded: {one_line(cause)}: check the name and the network, or"
        " download the files and name their folder"
    )


@contextmanager
def _quiet(*, bars: bool) -> Iterator[None]:
    """Suppress all output of `datasets` and the Hub's client, except progress bars if wanted."""
    import datasets
    import huggingface_hub

    libraries = (datasets.utils, huggingface_hub.utils)
    levels = [library.logging.get_verbosity() for library in libraries]
    disabled = [library.are_progress_bars_disabled() for library in libraries]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for library in libraries:
            library.logging.set_verbosity(logging.CRITICAL)
            if not bars:
                library.disable_progress_bars()
        try:
            yield
        finally:
            for library, level, was_disabled in zip(libraries, levels, disabled, strict=True):
                library.logging.set_verbosity(level)
                if not was_disabled:
                    library.enable_progress_bars()
