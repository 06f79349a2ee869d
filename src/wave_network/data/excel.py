"""Read the rows of the first sheet of an Excel workbook; needs openpyxl."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final
from zipfile import ZipFile

from wave_network.data.delimited import Sheet
from wave_network.data.streams import most_unpacked, open_seekable, too_large
from wave_network.errors import DataError, MissingExtraError, first_line

LOGGER: Final = logging.getLogger("wave_network")

_MOST_ROWS: Final = 2**20  # Excel's limit; a row's number in a damaged file may be anything
_ROWS_AT_ONCE: Final = 100
_LARGEST: Final = 2**30  # bytes; openpyxl keeps all strings in memory


def open_workbook(path: Path) -> Sheet:
    """Read the first sheet, whose first row names the columns.

    All cells are converted to text: 7 for a number without a fraction, an empty text for an empty
    cell.

    Raises:
        DataError: If the workbook or the sheet is empty or cannot be read; also while iterating.
        MissingExtraError: If openpyxl is not installed.
    """
    rows = _rows(path)
    _, header = next(rows, (0, None))
    if header is None:
        raise DataError(f"{path} is empty: the first row must name the columns")
    while header and not header[-1]:
        del header[-1]
    return Sheet(header, _of_width(path, rows, len(header)))


def _of_width(
    path: Path, rows: Iterator[tuple[int, list[str]]], width: int
) -> Iterator[tuple[int, list[str]]]:
    for number, cells in rows:
        if any(cells[width:]):
            raise DataError(
                f"{path}:{number}: there is a cell beyond the last column that has a name: name its"
                " column in the first row, or empty it"
            )
        yield number, [*cells[:width], *[""] * (width - len(cells))]


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, with their numbers."""
    with open_seekable(path) as source, _errors_of(path), _first_sheet(path, source) as sheet:
        cells = sheet.iter_rows(values_only=True)
        number = 0
        while batch := _next_rows(cells):
            for row in batch:
                number += 1
                if number > _MOST_ROWS:
                    raise DataError(f"{path} has more than {_MOST_ROWS:,} rows: save it as .csv")
                texts = [*map(_text, row)]
                if any(texts):
                    yield number, texts


def _next_rows(cells: Iterator[tuple[object, ...]]) -> list[tuple[object, ...]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of openpyxl, on styles
        return list(islice(cells, _ROWS_AT_ONCE))


@contextmanager
def _first_sheet(path: Path, source: Path | BinaryIO) -> Iterator[Any]:
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise MissingExtraError("excel", "reading .xlsx") from error
    _check_size(path, source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        workbook = load_workbook(source, read_only=True, data_only=True)
    with closing(workbook):
        sheets = workbook.worksheets
        if not sheets:
            raise DataError(f"{path} has no sheet of rows")
        if len(sheets) > 1:
            LOGGER.info(f"{path}: the first of {len(sheets)} sheets is read, {sheets[0].title!r}")
        sheets[0].reset_dimensions()  # what the file says of them may be wrong
        yield sheets[0]


def _check_size(path: Path, source: Path | BinaryIO) -> None:
    with ZipFile(source) as archive:
        members = archive.infolist()
    packed = sum(member.compress_size for member in members)
    unpacked = sum(member.file_size for member in members)
    most = min(most_unpacked(packed), _LARGEST)
    if unpacked > most:
        raise too_large(path, most)


@contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    try:
        yield
    except (DataError, MissingExtraError, GeneratorExit, MemoryError):
        raise
    except Exception as error:  # openpyxl lets through whatever went wrong
        raise DataError(
            f"{path} is not an Excel workbook (.xlsx), or it is damaged: {first_line(error)}"
        ) from error


def _text(cell: object) -> str:
    """Convert a cell to text as Excel shows it without a format."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
