"""Load files and Hub data sets as memory-mapped Arrow tables; needs the `datasets` library.

A file is copied once into Arrow form, in a temporary folder that is deleted when the process ends
(that of a killed process, when the next one starts). So nothing is left in the user's own cache, an
edited file is always read again, and parallel runs share nothing.
"""

from __future__ import annotations

import errno
import glob
import logging
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wave_network.data.columns import LABEL_OPTION, TEXT_OPTION, WEIGHT_OPTION, Columns
from wave_network.data.files import column_index
from wave_network.data.parquet import (
    BATCH_SIZE,
    LABEL_KINDS,
    LabelType,
    check_text_type,
    check_weight_type,
    label_type,
    label_type_for,
    missing_value,
    one_line,
    open_parquet,
)
from wave_network.data.rows import Row, iter_rows, iter_texts, split_labels
from wave_network.errors import DataError, MissingExtraError, OutputError, WaveNetworkError
from wave_network.persistence.leftovers import DATA_PREFIX, folder_of_this_process

if TYPE_CHECKING:
    from datasets import Dataset, Features
    from pyarrow import ChunkedArray

logger = logging.getLogger(__name__)

SPLIT_NAMES: Final = ("train", "validation", "test")


def load_file(path: Path, columns: Columns) -> Dataset:
    """Load a text or parquet file as the columns `text` and `label`.

    Raises:
        DataError: If the file, or one of its rows, cannot be used.
        OutputError: If the temporary folder cannot take the copy.
        MissingExtraError: If `datasets` is not installed.
    """
    check_installed()
    if path.suffix.lower() == ".parquet":
        return _load_parquet(path, columns)
    return _load_text(path, columns)


def load_texts(path: Path, text_column: str) -> Dataset:
    """Load the texts of a text or parquet file as the column `text`.

    Raises:
        DataError: If the file, or one of its texts, cannot be used.
        OutputError: If the temporary folder cannot take the copy.
        MissingExtraError: If `datasets` is not installed.
    """
    check_installed()
    from datasets import Dataset, Features, Value

    with _working_copy(path) as folder:
        return Dataset.from_generator(
            _texts,
            features=Features({"text": Value("string")}),
            cache_dir=folder,
            gen_kwargs={"path": str(path), "text_column": text_column},
            writer_batch_size=BATCH_SIZE,
        )


def load_hub(hub_id: str, columns: Columns) -> dict[str, Dataset]:
    """Load the splits of a Hub data set that have labels.

    Raises:
        DataError: If there is no such data set, it cannot be reached, or it cannot be used.
        OutputError: If the disk cannot take the download.
        MissingExtraError: If `datasets` is not installed.
    """
    check_installed()
    from datasets import load_dataset

    with _quiet(bars=sys.stderr.isatty()):
        try:
            loaded = load_dataset(hub_id)
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
    _refuse_missing(dataset, where)
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


def _load_text(path: Path, columns: Columns) -> Dataset:
    from datasets import Dataset

    label = _first_label_type(iter_rows(path, *columns))
    with _working_copy(path) as folder:
        return Dataset.from_generator(
            _examples,
            features=features_of(label, weighted=columns.weight is not None),
            cache_dir=folder,
            gen_kwargs={"path": str(path), "columns": columns},
            writer_batch_size=BATCH_SIZE,
        )


def _first_label_type(rows: Iterator[Row]) -> LabelType:
    """Determine the type of the labels from the first row that shows it; an empty list does not."""
    for row in rows:
        listed = isinstance(row.label, list)
        labels = row.label if isinstance(row.label, list) else [row.label]
        if labels:
            return label_type_for(labels[0], listed=listed)
    return LabelType("string", True)


def _examples(path: str, columns: Columns) -> Iterator[dict[str, Any]]:
    for row in iter_rows(path, *columns):
        yield {name: value for name, value in row._asdict().items() if value is not None}


def _texts(path: str, text_column: str) -> Iterator[dict[str, str]]:
    for text in iter_texts(path, text_column):
        yield {"text": text}


def _load_parquet(path: Path, columns: Columns) -> Dataset:
    from datasets import Dataset, Features

    with open_parquet(path) as file:
        check_text_type(file, path, columns.text)
        label = label_type(file, path, columns.label)
        if columns.weight is not None:
            check_weight_type(file, path, columns.weight)
    features = features_of(label, weighted=columns.weight is not None)
    with _working_copy(path) as folder:
        dataset = Dataset.from_parquet(
            glob.escape(str(path)),  # it expects patterns
            columns=columns.names,
            features=Features(dict(zip(columns.names, features.values(), strict=True))),
            cache_dir=folder,
            batch_size=10 * BATCH_SIZE,  # the default is a whole row group
        )
    dataset = _named(dataset, columns)
    _refuse_missing(dataset, path)
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


def _refuse_missing(dataset: Dataset, where: object) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    for name in dataset.column_names:
        values = dataset.data.column(name)
        if values.null_count:
            raise missing_value(where, pc.index(pc.is_null(values), True).as_py() + 1, name)
        if pa.types.is_list(values.type) and pc.list_flatten(values).null_count:
            parents = pc.list_parent_indices(values.combine_chunks())
            missing = pc.is_null(pc.list_flatten(values).combine_chunks())
            raise missing_value(where, parents[pc.index(missing, True).as_py()].as_py() + 1, name)


@contextmanager
def _working_copy(path: Path) -> Iterator[str]:
    """Yield a new folder for a file's Arrow copy, and convert errors to our own."""
    from datasets.exceptions import DatasetGenerationError

    try:
        folder = tempfile.mkdtemp(dir=_temporary_root())
        with _quiet(bars=False):
            yield folder
    except (OSError, DatasetGenerationError) as error:
        raise _copy_error(path, error.__cause__ or error) from None


def _copy_error(path: Path, cause: BaseException) -> BaseException:
    from pyarrow import ArrowException

    if isinstance(cause, OSError) and cause.errno:
        return OutputError(
            f"{path} cannot be copied to the temporary folder ({cause.strerror}): free some space"
            " there, or set TMPDIR to another folder"
        )
    if isinstance(cause, OSError | ArrowException):
        return DataError(f"{path} cannot be read: {one_line(cause)}")
    return cause


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


@lru_cache(maxsize=1)
def _temporary_root() -> str:
    return str(folder_of_this_process(Path(tempfile.gettempdir()), DATA_PREFIX))


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
