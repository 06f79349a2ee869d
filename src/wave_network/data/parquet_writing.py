"""Write tables to parquet files in constant memory; needs pyarrow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, Final

from wave_network.config import Label
from wave_network.data.json_text import json_text
from wave_network.errors import DataError

if TYPE_CHECKING:
    from pyarrow import Array, DataType

_ROWS_AT_ONCE: Final = 10_000  # in a row group
_CHARACTERS_AT_ONCE: Final = 2**24


def write_parquet(
    file: IO[bytes],
    names: Sequence[str],
    rows: Iterable[Sequence[Any]],
    types: Mapping[str, DataType],
) -> None:
    """Write a table.

    Args:
        file: A binary file.
        names: The names of the columns.
        rows: The values of each row. A column of objects, or of values that have no common type,
            holds their JSON.
        types: Types of columns. Those of others are taken from the first row group.

    Raises:
        DataError: If a later value does not have its column's type.
    """
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    schema, writer = pa.schema([]), None
    try:
        for group in _groups(rows):
            columns = list(zip(*group, strict=True))
            if writer is None:
                found = zip(names, columns, strict=True)
                kinds = [(name, types.get(name) or type_of(values)) for name, values in found]
                schema = pa.schema(kinds)
                writer = ParquetWriter(file, schema)
            arrays = [
                _array(values, field.type, field.name)
                for values, field in zip(columns, schema, strict=True)
            ]
            writer.write_table(pa.table(arrays, schema=schema))
        if writer is None:
            writer = ParquetWriter(file, schema)
    finally:
        if writer is not None:
            writer.close()


def _groups(rows: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    group: list[Sequence[Any]] = []
    characters = 0
    for row in rows:
        group.append(row)
        characters += sum(len(value) for value in row if isinstance(value, str))
        if len(group) == _ROWS_AT_ONCE or characters >= _CHARACTERS_AT_ONCE:
            yield group
            group, characters = [], 0
    if group:
        yield group


def label_types(labels: Sequence[Label]) -> dict[str, DataType]:
    """Return the types of columns of labels, which the first rows may not tell: all may be null."""
    import pyarrow as pa

    kind = type_of(labels)
    return {"label": kind, "labels": pa.list_(kind)}


def type_of(values: Sequence[Any]) -> DataType:
    """Return the Arrow type that values have in common; that of strings if there is none."""
    import pyarrow as pa

    try:
        kind = pa.array(values).type
    except (pa.ArrowException, OverflowError, UnicodeError):
        return pa.string()
    inner = kind
    while pa.types.is_list(inner):
        inner = inner.value_type
    return pa.string() if pa.types.is_null(inner) or pa.types.is_struct(inner) else kind


def _array(values: Sequence[Any], kind: DataType, name: str) -> Array:
    import pyarrow as pa

    if pa.types.is_string(kind):
        values = [value if value is None else _string(value) for value in values]
    try:
        return pa.array(values, kind)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        raise DataError(
            f"column {name!r} is {kind} in the first rows, and not in a later one: write to a"
            " .jsonl file"
        ) from None


def _string(value: object) -> str:
    text = value if isinstance(value, str) else json_text(value)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
