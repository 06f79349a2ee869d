"""Check the columns of parquet files, and read their texts one at a time; needs pyarrow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from wave_network.data.columns import LABEL_OPTION, TEXT_OPTION, WEIGHT_OPTION
from wave_network.data.files import column_index
from wave_network.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from pyarrow import DataType
    from pyarrow.parquet import ParquetFile

# Texts may have megabytes, and a whole batch is in memory.
BATCH_SIZE: Final = 100


LABEL_KINDS: Final = "labels must be strings, whole numbers or booleans, or lists of them"


class LabelType(NamedTuple):
    """The type of the labels, and whether a text has a list of them."""

    value: Literal["string", "int64", "bool", "double"]
    listed: bool

    def arrow_type(self) -> DataType:
        """Return the Arrow type."""
        import pyarrow as pa

        value = pa.type_for_alias(self.value)
        return pa.list_(value) if self.listed else value


def label_type_for(label: object, *, listed: bool) -> LabelType:
    """Return the type of labels such as this one."""
    if isinstance(label, bool):
        return LabelType("bool", listed)
    if isinstance(label, int):
        return LabelType("int64", listed)
    return LabelType("double" if isinstance(label, float) else "string", listed)


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
        DataError: If the column is missing, or contains no labels nor lists of them.
    """
    from pyarrow import types

    kind = _column_type(file, path, label_column, LABEL_OPTION)
    listed = types.is_list(kind) or types.is_large_list(kind)
    inner = kind.value_type if listed else kind
    if _is_string(inner):
        return LabelType("string", listed)
    inner = inner.value_type if types.is_dictionary(inner) else inner
    if types.is_integer(inner):
        return LabelType("int64", listed)
    if types.is_boolean(inner):
        return LabelType("bool", listed)
    if types.is_floating(inner):
        return LabelType("double", listed)
    raise DataError(f"{path}: column {label_column!r} has {kind}: {LABEL_KINDS}")


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
        check_text_type(file, path, text_column)
        row = 0
        for batch in file.iter_batches(batch_size=BATCH_SIZE, columns=[text_column]):
            for text in batch.column(0).to_pylist():
                row += 1
                if text is None:
                    raise missing_value(path, row, "text")
                yield text


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
