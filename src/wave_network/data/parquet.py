"""Check the columns of parquet files, and read their texts one at a time; needs pyarrow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from wave_network.data.columns import LABEL_OPTION, TEXT_OPTION, WEIGHT_OPTION
from wave_network.data.files import check_distinct, column_index
from wave_network.errors import DataError, MissingExtraError
from wave_network.progress.stages import expect

if TYPE_CHECKING:
    from pyarrow import DataType
    from pyarrow.parquet import ParquetFile

# Texts may have megabytes, and a whole batch is in memory.
BATCH_SIZE: Final = 100


class LabelType(NamedTuple):
    """The type of the labels, and whether a text has a list of them."""

    value: Literal["string", "int64"]
    listed: bool

    def arrow_type(self) -> DataType:
        """Return the Arrow type."""
        import pyarrow as pa

        value = pa.string() if self.value == "string" else pa.int64()
        return pa.list_(value) if self.listed else value


def open_parquet(path: Path) -> ParquetFile:
    """Open a parquet file.

    Raises:
        DataError: If it is not a parquet file, is damaged, or has no rows.
        MissingExtraError: If pyarrow is not installed.
    """
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise MissingExtraError("train", "reading parquet") from error
    try:
        file = ParquetFile(path)
    except UnicodeEncodeError:
        raise DataError(
            f"the path {path} is not UTF-8, which is needed to read parquet: rename it"
        ) from None
    except (ArrowException, OSError) as error:
        raise DataError(
            f"{path} is not a parquet file, or it is damaged: {one_line(error)}"
        ) from error
    if not file.metadata.num_rows:
        raise DataError(f"{path} has no rows: give a file with at least one text")
    return file


def check_text_type(file: ParquetFile, path: Path, text_column: str) -> None:
    """Check that the text column exists and contains strings.

    Raises:
        DataError: If not; the message has the columns, or the type.
    """
    kind = _column_type(file, path, text_column, TEXT_OPTION)
    if not _is_string(kind):
        raise DataError(f"{path}: column {text_column!r} has {kind}, not strings")


def label_type(file: ParquetFile, path: Path, label_column: str) -> LabelType:
    """Return the type of the labels in a column.

    Raises:
        DataError: If the column is missing, or contains neither strings nor integers nor lists
            of them.
    """
    from pyarrow import types

    kind = _column_type(file, path, label_column, LABEL_OPTION)
    listed = types.is_list(kind) or types.is_large_list(kind)
    inner = kind.value_type if listed else kind
    if _is_string(inner):
        return LabelType("string", listed)
    if types.is_integer(inner.value_type if types.is_dictionary(inner) else inner):
        return LabelType("int64", listed)
    raise DataError(
        f"{path}: column {label_column!r} has {kind}: labels must be strings or integers, or lists"
        " of them"
    )


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
    for row in _iter_rows(path, text_column, [text_column]):
        yield row[text_column]


def iter_parquet_records(path: Path, text_column: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read the texts of a parquet file in batches, each with the other columns of its row.

    Raises:
        DataError: As `iter_parquet_texts`; also if two columns have the same name.
        MissingExtraError: If pyarrow is not installed.
    """
    for row in _iter_rows(path, text_column, None):
        yield row.pop(text_column), row


def column_types(path: Path) -> dict[str, DataType]:
    """Return the type of each column of a parquet file.

    Raises:
        DataError: If it is not a parquet file, is damaged, or has no rows.
        MissingExtraError: If pyarrow is not installed.
    """
    with open_parquet(path) as file:
        schema = file.schema_arrow
        return dict(zip(schema.names, schema.types, strict=True))


def _iter_rows(path: Path, text_column: str, columns: list[str] | None) -> Iterator[dict[str, Any]]:
    """Read some columns, or all, and check the texts."""
    with open_parquet(path) as file:
        check_text_type(file, path, text_column)
        if columns is None:
            check_distinct(file.schema_arrow.names, path)
        expect(file.metadata.num_rows)
        number = 0
        for batch in file.iter_batches(batch_size=BATCH_SIZE, columns=columns):
            for row in batch.to_pylist():
                number += 1
                if row[text_column] is None:
                    raise missing_value(path, number, "text")
                yield row


def missing_value(where: object, row: int, name: str) -> DataError:
    """Create the error for a null; rows count from 1."""
    return DataError(f"{where}: row {row} has no {name}: add one, or remove the row")


def one_line(error: BaseException) -> str:
    """Return the message of an error on one line."""
    return " ".join(str(error).split())


def _column_type(file: ParquetFile, path: Path, name: str, option: str) -> DataType:
    schema = file.schema_arrow
    return schema.field(column_index(schema.names, name, option, path)).type


def _is_string(kind: DataType) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(types.is_string(kind) or types.is_large_string(kind))
