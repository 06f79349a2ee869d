"""Files and Hub data sets as memory-mapped Arrow tables; needs the `datasets` library.

A file is copied once into Arrow form, in a temporary folder that goes when the process ends: the
user's own cache gets nothing, an edited file is always read anew, and runs side by side share
nothing.
"""

from __future__ import annotations

import atexit
import errno
import glob
import logging
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from wave_network.data.files import column_index
from wave_network.data.parquet import (
    BATCH_SIZE,
    check_text_type,
    check_weight_type,
    label_type,
    missing_value,
    one_line,
    open_parquet,
)
from wave_network.data.rows import (
    LABEL_OPTION,
    TEXT_OPTION,
    WEIGHT_OPTION,
    iter_rows,
    iter_texts,
)
from wave_network.errors import DataError, MissingExtraError, OutputError, WaveNetworkError

if TYPE_CHECKING:
    from datasets import Dataset, Features
    from pyarrow import ChunkedArray

SPLIT_NAMES: Final = ("train", "validation", "test")


class Columns(NamedTuple):
    """The names of the text, the label and, if there is one, the weight column."""

    text: str
    label: str
    weight: str | None = None

    @property
    def names(self) -> list[str]:
        """Those there are."""
        return [name for name in self if name is not None]

    def of(self, split: str) -> Columns:
        """Those that a split is read with: only texts to train on have weights."""
        return self if split == "train" else self._replace(weight=None)


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
    return {name: split for name, split in splits.items() if split is not None}


def tidy(dataset: Dataset, columns: Columns, where: str) -> Dataset | None:
    """Reduce a Hub split to `text` and `label`, with the classes by their names.

    Returns:
        The two columns, or None for a split without labels: those are published as null or -1.

    Raises:
        DataError: If a column is missing or of another type, or a value is missing.
    """
    options = (TEXT_OPTION, LABEL_OPTION, WEIGHT_OPTION)
    for name, option in zip(columns.names, options, strict=False):
        column_index(dataset.column_names, name, option, where)
    dataset = _with_string_texts(_named(dataset, columns), columns.text, where)
    labels = _plain_label_column(dataset, columns.label, where)
    if labels.null_count == len(labels):
        return None
    dataset = _with_float_weights(with_labels(dataset, labels), columns, where)
    _refuse_missing(dataset, where)
    return dataset


def with_labels(dataset: Dataset, labels: ChunkedArray) -> Dataset:
    """Replace the labels, and leave the texts on the disk."""
    return dataset.remove_columns("label").add_column("label", labels)


def features_of(label: str, *, weighted: bool = False) -> Features:
    """The features of a data set whose labels are `string` or `int64`."""
    from datasets import Features, Value

    weight = {"weight": Value("float64")} if weighted else {}
    return Features({"text": Value("string"), "label": Value(label), **weight})


def check_installed() -> None:
    """Refuse to go on without `datasets`.

    Raises:
        MissingExtraError: If it is not installed.
    """
    try:
        import datasets  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("train", "reading labelled data") from error


def _load_text(path: Path, columns: Columns) -> Dataset:
    from datasets import Dataset

    first = next(iter_rows(path, *columns))
    with _working_copy(path) as folder:
        return Dataset.from_generator(
            _examples,
            features=features_of(
                "int64" if isinstance(first.label, int) else "string",
                weighted=columns.weight is not None,
            ),
            cache_dir=folder,
            gen_kwargs={"path": str(path), "columns": columns},
            writer_batch_size=BATCH_SIZE,
        )


def _examples(path: str, columns: Columns) -> Iterator[dict[str, Any]]:
    for row in iter_rows(path, *columns):
        yield {name: value for name, value in row._asdict().items() if value is not None}


def _texts(path: str, text_column: str) -> Iterator[dict[str, str]]:
    for text in iter_texts(path, text_column):
        yield {"text": text}


def _load_parquet(path: Path, columns: Columns) -> Dataset:
    from datasets import Dataset, Features, Value

    with open_parquet(path) as file:
        check_text_type(file, path, columns.text)
        label = label_type(file, path, columns.label)
        if columns.weight is not None:
            check_weight_type(file, path, columns.weight)
    kinds = {columns.text: Value("string"), columns.label: Value(label)}
    if columns.weight is not None:
        kinds[columns.weight] = Value("float64")
    with _working_copy(path) as folder:
        dataset = Dataset.from_parquet(
            glob.escape(str(path)),  # it takes patterns
            columns=columns.names,
            features=Features(kinds),
            cache_dir=folder,
            batch_size=10 * BATCH_SIZE,  # the default is a whole row group
        )
    dataset = _named(dataset, columns)
    _refuse_missing(dataset, path)
    return dataset


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


def _plain_label_column(dataset: Dataset, name: str, where: str) -> ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc
    from datasets import ClassLabel

    labels = dataset.data.column("label")
    feature = dataset.features["label"]
    if isinstance(feature, ClassLabel):
        known = pc.if_else(pc.greater_equal(labels, 0), labels, None)
        return pc.take(pa.chunked_array([pa.array(feature.names)]), known)
    if pa.types.is_integer(labels.type):
        return labels.cast(pa.int64())
    if pa.types.is_string(labels.type) or pa.types.is_large_string(labels.type):
        return labels.cast(pa.string())
    raise DataError(
        f"{where}: column {name!r} has {labels.type}: labels must be strings or integers"
    )


def _refuse_missing(dataset: Dataset, where: object) -> None:
    import pyarrow.compute as pc

    for name in dataset.column_names:
        values = dataset.data.column(name)
        if values.null_count:
            raise missing_value(where, pc.index(pc.is_null(values), True).as_py() + 1, name)


@contextmanager
def _working_copy(path: Path) -> Iterator[str]:
    """A fresh folder for a file's Arrow copy, and our errors for what goes wrong in making it."""
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
    root = tempfile.mkdtemp(prefix="wave-network-")
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return root


@contextmanager
def _quiet(*, bars: bool) -> Iterator[None]:
    """Keep `datasets` and the Hub's client from writing anything but, if wanted, progress bars."""
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
