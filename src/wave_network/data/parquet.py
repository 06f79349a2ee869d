"""Check the columns of parquet files, and read them in batches; needs pyarrow."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from wave_network.data.arrow_columns import append_texts, label_column
from wave_network.data.columns import LABEL_OPTION, TEXT_OPTION, WEIGHT_OPTION, Columns
from wave_network.data.files import check_distinct, column_index
from wave_network.data.label_column import LabelWriter
from wave_network.data.streams import most_unpacked, open_seekable, too_large
from wave_network.data.table import Table
from wave_network.data.texts import TextWriter
from wave_network.data.values import missing_value
from wave_network.errors import DataError, NoRowsError, WaveNetworkError, extra_needed
from wave_network.progress.stages import expect, tracked
from wave_network.scale.arrays import ArrayWriter

if TYPE_CHECKING:
    from pyarrow import Array, DataType, RecordBatch, Schema
    from pyarrow.parquet import ParquetFile

_BUFFER: Final = 2**20
_BYTES_AT_ONCE: Final = 2**24
_ROWS_AT_ONCE: Final = 1_000

LABEL_KINDS: Final = "labels must be strings, whole numbers or booleans, or lists of them"


def load_parquet(path: Path, columns: Columns) -> Table:
    """Load a parquet file with labels, batch by batch.

    Args:
        path: The file.
        columns: The columns to read.

    Raises:
        DataError: If the file, or one of its rows, cannot be used.
        OutputError: If the temporary folder cannot take a copy.
        MissingExtraError: If pyarrow is not installed.
    """
    with open_parquet(path) as file:
        import pyarrow as pa

        check_text_type(file, path, columns.text)
        fields = [("text", pa.string()), ("label", label_type(file, path, columns.label))]
        if columns.weight is not None:
            check_weight_type(file, path, columns.weight)
            fields.append(("weight", pa.float64()))
        expect(file.metadata.num_rows)
        texts, labels = TextWriter(path), LabelWriter(path)
        weights = ArrayWriter(np.float64, path)
        batches = iter_batches(file, path, columns.names, pa.schema(fields))
        for batch in tracked(batches, units_in=len):
            append_texts(texts, batch.column("text"))
            labels.append_column(label_column(batch.column("label")))
            if columns.weight is not None:
                weights.append(batch.column("weight").to_numpy())
    return Table(
        texts.finish(),
        labels.finish().separated(columns.separator),
        None if columns.weight is None else weights.finish(),
    )


@contextmanager
def open_parquet(path: Path) -> Iterator[ParquetFile]:
    """Open a parquet file.

    Raises:
        DataError: If it is not a parquet file, is damaged, or has no rows.
        OutputError: If it is compressed, and the temporary folder cannot take its content.
        MissingExtraError: If pyarrow is not installed.
    """
    with extra_needed("parquet", "reading parquet"):
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    with open_seekable(path) as source:
        try:
            # Without these, what was read of the file stays in memory until its end.
            file = ParquetFile(source, pre_buffer=False, buffer_size=_BUFFER)
        except UnicodeEncodeError:
            raise DataError(
                f"the path {path} is not UTF-8, which is needed to read parquet: rename it"
            ) from None
        except (ArrowException, OSError, ValueError) as error:
            raise DataError(
                f"{path} is not a parquet file, or it is damaged: {one_line(error)}"
            ) from error
        with file:
            if not file.metadata.num_rows:
                raise NoRowsError(path)
            yield file


def check_text_type(file: ParquetFile, path: Path, text_column: str) -> None:
    """Check that the text column exists and contains strings.

    Raises:
        DataError: If not; the message has the columns, or the type.
    """
    kind = _column_type(file, path, text_column, TEXT_OPTION)
    if not _is_string(kind):
        raise DataError(f"{path}: column {text_column!r} has {kind}, not strings")


def label_type(file: ParquetFile, path: Path, label_column: str) -> DataType:
    """Return the type to read the labels in a column as.

    Raises:
        DataError: If the column is missing, or contains no labels nor lists of them.
    """
    import pyarrow as pa
    from pyarrow import types

    kind = _column_type(file, path, label_column, LABEL_OPTION)
    listed = types.is_list(kind) or types.is_large_list(kind)
    inner = kind.value_type if listed else kind
    inner = inner.value_type if types.is_dictionary(inner) else inner
    found = None
    if _is_string(inner):
        found = pa.string()
    elif types.is_integer(inner):
        found = pa.int64()
    elif types.is_boolean(inner):
        found = pa.bool_()
    elif types.is_floating(inner):
        found = pa.float64()
    if found is None:
        raise DataError(f"{path}: column {label_column!r} has {kind}: {LABEL_KINDS}")
    return pa.list_(found) if listed else found


def check_weight_type(file: ParquetFile, path: Path, weight_column: str) -> None:
    """Check that the weight column exists and contains numbers.

    Raises:
        DataError: If not; the message has the columns, or the type.
    """
    from pyarrow import types

    kind = _column_type(file, path, weight_column, WEIGHT_OPTION)
    if not (types.is_integer(kind) or types.is_floating(kind)):
        raise DataError(f"{path}: column {weight_column!r} has {kind}, not numbers")


def iter_parquet_texts(path: Path, text_column: str) -> Iterator[str]:
    """Read the texts of a parquet file in batches.

    Raises:
        DataError: If the file cannot be used; while iterating, if a text is missing.
        MissingExtraError: If pyarrow is not installed.
    """
    with open_parquet(path) as file:
        import pyarrow as pa

        check_text_type(file, path, text_column)
        expect(file.metadata.num_rows)
        schema = pa.schema({"text": pa.string()})
        for batch in iter_batches(file, path, [text_column], schema):
            yield from batch.column(0).to_pylist()


def iter_parquet_records(path: Path, text_column: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read the texts of a parquet file in batches, each with the other columns of its row.

    Raises:
        DataError: As `iter_parquet_texts`; also if two columns have the same name.
        MissingExtraError: If pyarrow is not installed.
    """
    with open_parquet(path) as file, _errors_of(path):
        names = file.schema_arrow.names
        check_text_type(file, path, text_column)
        check_distinct(names, path)
        expect(file.metadata.num_rows)
        number = 0
        for batch in _valid_batches(file, path, names):
            for row in batch.to_pylist():
                number += 1
                text = row.pop(text_column)
                if text is None:
                    raise missing_value(path, number, "text")
                yield text, row


def column_types(path: Path) -> dict[str, DataType]:
    """Return the type of each column of a parquet file.

    Raises:
        DataError: If it is not a parquet file, is damaged, or has no rows.
        MissingExtraError: If pyarrow is not installed.
    """
    with open_parquet(path) as file:
        schema = file.schema_arrow
        return dict(zip(schema.names, schema.types, strict=True))


def iter_batches(
    file: ParquetFile, path: Path, columns: Sequence[str], schema: Schema
) -> Iterator[RecordBatch]:
    """Read columns in batches of bounded size, and check every value.

    Args:
        file: An open file.
        path: Its path, for messages.
        columns: The columns to read, in the order of the schema.
        schema: The names and types of the result.

    Raises:
        DataError: If the file is damaged, a value is missing, or the texts are far larger than the
            file.
    """
    with _errors_of(path):
        yield from _checked_batches(file, path, columns, schema)


def _checked_batches(
    file: ParquetFile, path: Path, columns: Sequence[str], schema: Schema
) -> Iterator[RecordBatch]:
    import pyarrow as pa

    row = 0
    for batch in _valid_batches(file, path, columns):
        arrays = [
            _cast(batch.column(name), field.type)
            for name, field in zip(columns, schema, strict=True)
        ]
        for array, name in zip(arrays, schema.names, strict=True):
            missing = first_missing(array)
            if missing is not None:
                raise missing_value(path, row + missing + 1, name)
        row += batch.num_rows
        yield pa.record_batch(arrays, schema=schema)


def _valid_batches(file: ParquetFile, path: Path, columns: Sequence[str]) -> Iterator[RecordBatch]:
    import pyarrow as pa

    given, most = 0, most_unpacked(os.path.getsize(path))
    size = _batch_size(file, columns)
    for packed in file.iter_batches(batch_size=size, columns=list(columns)):
        # Otherwise bad UTF-8 would be found when a text is used, without the file's name.
        packed.validate(full=True)
        arrays = [_decoded(array) for array in packed.columns]
        batch = pa.record_batch(arrays, names=packed.schema.names)
        given += batch.nbytes
        if given > most:
            raise too_large(path, most)
        yield batch


def _decoded(values: Array) -> Array:
    from pyarrow import types

    return values.dictionary_decode() if types.is_dictionary(values.type) else values


def first_missing(values: Array) -> int | None:
    """Return the place of the first value that is null or a list with a null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if values.null_count:
        return int(pc.index(pc.is_null(values), True).as_py())
    if pa.types.is_list(values.type):
        inner = pc.list_flatten(values)
        if inner.null_count:
            place = pc.index(pc.is_null(inner), True).as_py()
            return int(pc.list_parent_indices(values)[place].as_py())
    return None


def one_line(error: BaseException) -> str:
    """Return the message of an error on one line."""
    return " ".join(str(error).split())


@contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    from pyarrow import ArrowException

    try:
        yield
    except WaveNetworkError:
        raise
    except (ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {one_line(error)}") from error


def _batch_size(file: ParquetFile, columns: Sequence[str]) -> int:
    """Return how many rows to read at once, by what a row takes on average."""
    metadata = file.metadata
    size = 0
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group)
        for place in range(rows.num_columns):
            column = rows.column(place)
            if column.path_in_schema.split(".")[0] in columns:
                size += max(0, column.total_uncompressed_size)
    fitting: int = _BYTES_AT_ONCE * metadata.num_rows // max(1, size)
    return min(max(1, fitting), _ROWS_AT_ONCE)


def _cast(values: Array, kind: DataType) -> Array:
    return values if values.type == kind else values.cast(kind)


def _column_type(file: ParquetFile, path: Path, name: str, option: str) -> DataType:
    schema = file.schema_arrow
    return schema.field(column_index(schema.names, name, option, path)).type


def _is_string(kind: DataType) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(types.is_string(kind) or types.is_large_string(kind))
