"""Load data sets of the Hugging Face Hub; needs the `datasets` library."""

from __future__ import annotations

import errno
import logging
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import numpy as np

from wave_network.data.arrow_columns import append_texts, label_column
from wave_network.data.columns import LABEL_OPTION, TEXT_OPTION, WEIGHT_OPTION, Columns
from wave_network.data.files import column_index
from wave_network.data.folders import SPLIT_NAMES
from wave_network.data.label_column import LabelWriter
from wave_network.data.parquet import LABEL_KINDS, first_missing, one_line
from wave_network.data.table import Table
from wave_network.data.texts import TextWriter
from wave_network.data.values import missing_value
from wave_network.errors import DataError, OutputError, WaveNetworkError, extra_needed
from wave_network.huggingface.ids import split_revision
from wave_network.scale.arrays import ArrayWriter, blocks

if TYPE_CHECKING:
    from datasets import Dataset
    from pyarrow import ChunkedArray

logger = logging.getLogger(__name__)

_ROWS_AT_ONCE: Final = 10_000


def load_hub(hub_id: str, columns: Columns) -> dict[str, Table]:
    """Load the splits of a Hub data set that have labels.

    Raises:
        DataError: If there is no such data set, it cannot be reached, or it cannot be used.
        OutputError: If the disk cannot take the download.
        MissingExtraError: If `datasets` is not installed.
    """
    with extra_needed("hub", "reading data sets of the Hub"):
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


def tidy(dataset: Dataset, columns: Columns, where: str) -> Table | None:
    """Convert a Hub split, with the names of the classes as labels.

    Returns:
        The texts and labels, or None for a split without labels, which have null or -1 instead.

    Raises:
        DataError: If a column is missing or has the wrong type, or a value is missing.
    """
    options = (TEXT_OPTION, LABEL_OPTION, WEIGHT_OPTION)
    for name, option in zip(columns.names, options, strict=False):
        column_index(dataset.column_names, name, option, where)
    _check_types(dataset, columns, where)
    parts = blocks(len(dataset), _ROWS_AT_ONCE)
    labelled = (_labels_of(dataset, columns, part, where) for part in parts)
    if all(labels.null_count == len(labels) for labels in labelled):
        return None
    texts, labels, weights = TextWriter(where), LabelWriter(where), ArrayWriter(np.float64, where)
    for part in blocks(len(dataset), _ROWS_AT_ONCE):
        given = {"text": _part_of(dataset, columns.text, part)}
        given["label"] = _labels_of(dataset, columns, part, where)
        if columns.weight is not None:
            given["weight"] = _part_of(dataset, columns.weight, part)
        _check_values(given, part.start, where)
        for chunk in given["text"].chunks:
            append_texts(texts, chunk)
        for chunk in given["label"].chunks:
            labels.append_column(label_column(chunk))
        if "weight" in given:
            weights.append(given["weight"].to_numpy())
    return Table(
        texts.finish(),
        labels.finish().separated(columns.separator),
        None if columns.weight is None else weights.finish(),
    )


def _part_of(dataset: Dataset, name: str, part: slice) -> ChunkedArray:
    return dataset.data.column(name).slice(part.start, part.stop - part.start)


def _check_types(dataset: Dataset, columns: Columns, where: str) -> None:
    """Refuse texts that are no strings, and weights that are no numbers."""
    from pyarrow import types

    texts = dataset.data.column(columns.text).type
    if not (types.is_string(texts) or types.is_large_string(texts)):
        raise DataError(f"{where}: column {columns.text!r} has {texts}, not strings")
    if columns.weight is not None:
        weights = dataset.data.column(columns.weight).type
        if not (types.is_integer(weights) or types.is_floating(weights)):
            raise DataError(f"{where}: column {columns.weight!r} has {weights}, not numbers")


def _labels_of(dataset: Dataset, columns: Columns, part: slice, where: str) -> ChunkedArray:
    """Return the labels as strings or numbers, or as lists of them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    name = columns.label
    labels, feature = _part_of(dataset, name, part), dataset.features[name]
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


def _check_values(columns: Mapping[str, ChunkedArray], first: int, where: str) -> None:
    """Refuse what is missing, or not valid Unicode, in a part that starts at the row `first`."""
    from pyarrow import ArrowInvalid

    for name, values in columns.items():
        try:
            values.validate(full=True)
        except ArrowInvalid as error:
            raise DataError(f"{where} cannot be used: {one_line(error)}") from error
        start = first
        for chunk in values.chunks:
            missing = first_missing(chunk)
            if missing is not None:
                raise missing_value(where, start + missing + 1, name)
            start += len(chunk)


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
