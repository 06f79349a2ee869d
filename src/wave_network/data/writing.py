"""Write records to a file in the format that its name's ending says.

JSON keeps every value as it is. In `.csv` and `.tsv` files lists and objects are JSON in a cell,
and an empty cell stands for null; `.parquet` files hold objects as JSON, and lists as lists.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast

from wave_network.data.json_text import json_line, json_text, text_of
from wave_network.errors import ConfigError, DataError, extra_needed, option_name

if TYPE_CHECKING:
    from pyarrow import DataType

Record = Mapping[str, Any]

_DELIMITERS: Final = {".csv": ",", ".tsv": "\t"}
FORMATS: Final = (".jsonl", ".json", ".csv", ".tsv", ".parquet")
"""The endings of files that are written."""


def format_to_write(path: Path) -> str:
    """Return the ending that names the format of a file to write.

    Args:
        path: The file. A name without an ending stands for `.jsonl`.

    Raises:
        ConfigError: If records are not written in that format.
        MissingExtraError: For `.parquet`, if pyarrow is not installed.
    """
    ending = path.suffix.lower() or ".jsonl"
    if ending not in FORMATS:
        known = ", ".join(FORMATS)
        raise ConfigError(f"{option_name('output')} {path}: the name must end in one of {known}")
    if ending == ".parquet":
        with extra_needed("parquet", "writing parquet"):
            import pyarrow.parquet  # noqa: F401
    return ending


def write_records(
    file: IO[str],
    records: Iterable[Record],
    ending: str,
    types: Mapping[str, DataType],
) -> None:
    """Write records in constant memory.

    Args:
        file: A UTF-8 text file.
        records: All with the fields of the first one, except in `.jsonl` and `.json`.
        ending: The format, as `format_to_write` returns it.
        types: Types of columns of a `.parquet` file, once there is a record. Those of other columns
            are taken from the first thousands of records.

    Raises:
        DataError: If a record does not fit the columns.
    """
    if ending == ".jsonl":
        file.writelines(map(json_line, records))
    elif ending == ".json":
        _write_array(file, records)
    elif ending == ".parquet":
        from wave_network.data.parquet_writing import write_parquet

        binary = cast(IO[bytes], cast(TextIOWrapper, file).buffer)
        write_parquet(binary, *_table(records), types)
    else:
        _write_delimited(file, *_table(records), _DELIMITERS[ending])


def _write_array(file: IO[str], records: Iterable[Record]) -> None:
    separator = ""
    file.write("[\n")
    for record in records:
        file.write(separator + json_text(record))
        separator = ",\n"
    file.write("\n]\n" if separator else "]\n")


def _table(records: Iterable[Record]) -> tuple[list[str], Iterator[list[Any]]]:
    """Return the names of the columns, and the values of each record in their order."""
    remaining = iter(records)
    first = next(remaining, None)
    if first is None:
        return [], iter(())
    return list(first), _in_order(chain([first], remaining), list(first))


def _in_order(records: Iterable[Record], names: list[str]) -> Iterator[list[Any]]:
    known = set(names)
    for number, record in enumerate(records, start=1):
        if unknown := record.keys() - known:
            raise DataError(
                f"row {number} has a field {min(unknown)!r} that the first row has not: write to a"
                " .jsonl file"
            )
        yield [record.get(name) for name in names]


def _write_delimited(
    file: IO[str], names: list[str], rows: Iterable[list[Any]], delimiter: str
) -> None:
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
    # Python before 3.13 puts no quotes around a lone carriage return, which would end the row.
    quoting = csv.writer(file, csv.unix_dialect, delimiter=delimiter)
    for row in chain([names] if names else [], rows):
        cells = [_cell(value) for value in row]
        (quoting if any("\r" in cell for cell in cells) else writer).writerow(cells)


def _cell(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, bool | int | float | list | tuple | Mapping):
        return json_text(value)
    return text_of(value)
