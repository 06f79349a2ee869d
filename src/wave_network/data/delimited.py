"""Read rows of `.csv` and `.tsv` files, whatever their delimiter, quoted or not."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

from wave_network.data.quoting import (
    csv_reader,
    decide,
    swallows_rows,
    with_lone_returns,
    without_lone_returns,
)
from wave_network.data.read_options import ReadOptions
from wave_network.data.streams import LONGEST_LINE, iter_lines
from wave_network.errors import DataError, for_caller

LOGGER: Final = logging.getLogger("wave_network")

_DELIMITERS: Final = {".csv": ",", ".tsv": "\t"}
_NAMES: Final = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "vertical bars"}
_MOST_AHEAD: Final = 1_000  # lines
_LONGEST_AHEAD: Final = 2**20  # characters


class Sheet(NamedTuple):
    """The rows of a file with named columns.

    Attributes:
        header: The names of the columns.
        rows: The rows that are not blank, each with the number of its first line.
    """

    header: list[str]
    rows: Iterator[tuple[int, list[str]]]


class _Dialect(NamedTuple):
    delimiter: str
    quoted: bool
    guessed_at: int | None = None  # the line that made `"` an ordinary character


def open_delimited(path: Path, ending: str, wanted: Sequence[str], options: ReadOptions) -> Sheet:
    """Read a delimited file, and find out how its fields are separated and quoted.

    Args:
        path: The file.
        ending: Its extension, which says its delimiter; another one is taken if only that one
            separates the wanted columns in the header.
        wanted: The columns that are needed.
        options: Its encoding, and whether its fields are quoted.

    Raises:
        DataError: If it is empty or cannot be read; while iterating, if a row is not valid.
    """
    lines = iter_lines(path, options.encoding)
    ahead = list(_bounded(lines))
    delimiter = _delimiter(path, ahead, _DELIMITERS[ending], wanted, options)
    if path.is_file():
        dialect = _dialect(path, iter_lines(path, options.encoding), ahead, delimiter, options)
        lines = iter_lines(path, options.encoding)
    else:  # a pipe is read once: its first lines decide
        dialect = _dialect(path, ahead, ahead, delimiter, options)
        lines = chain(ahead, lines)
    guarded = options.quoting == "auto"
    rows = (_quoted_rows if dialect.quoted else _literal_rows)(path, lines, dialect, guarded)
    _, header = next(rows, (0, None))
    if header is None:
        raise DataError(f"{path} is empty: the first line must name the columns")
    return Sheet(header, _checked(path, rows, header, dialect))


def _bounded(lines: Iterable[str]) -> Iterator[str]:
    """Yield the first lines, not all of them at once in memory."""
    size = 0
    for number, line in enumerate(lines, start=1):
        yield line
        size += len(line)
        if number >= _MOST_AHEAD or size >= _LONGEST_AHEAD:
            return


def _delimiter(
    path: Path, ahead: list[str], usual: str, wanted: Sequence[str], options: ReadOptions
) -> str:
    """Find the delimiter that gives the wanted columns, or at least several."""
    headers = {
        delimiter: _header(ahead, delimiter, options)[0]
        for delimiter in (usual, *(other for other in _NAMES if other != usual))
    }
    fitting = [found for found, header in headers.items() if set(wanted) <= set(header)]
    if fitting:
        chosen = fitting[0]
    else:
        chosen = usual if len(headers[usual]) > 1 else max(headers, key=lambda d: len(headers[d]))
    if chosen != usual and fitting:
        LOGGER.info(f"{path}: the columns are separated by {_NAMES[chosen]}")
    return chosen


def _header(ahead: list[str], delimiter: str, options: ReadOptions) -> tuple[list[str], bool]:
    """Return the names of the columns, and whether quotation marks stand around one."""
    first = next((line.strip("\r\n") for line in ahead if line.strip("\r\n")), "")
    literal = first.split(delimiter)
    if options.quoting == "none" or '"' not in first:
        return literal, False
    try:
        parsed = next((fields for fields in csv_reader(ahead, delimiter) if fields), literal)
    except csv.Error:
        return literal, False
    return parsed, parsed != literal


def _dialect(
    path: Path, lines: Iterable[str], ahead: list[str], delimiter: str, options: ReadOptions
) -> _Dialect:
    """Decide whether fields are quoted, and say so if that is not the ordinary form."""
    header, quoted_header = _header(ahead, delimiter, options)
    if options.quoting != "auto" or quoted_header:
        return _Dialect(delimiter, options.quoting != "none")
    decision = decide(lines, delimiter, len(header), complete=lines is not ahead)
    if decision.quoted or decision.line is None:
        return _Dialect(delimiter, decision.quoted)
    LOGGER.info(
        f'{path}: a quotation mark (") is an ordinary character here, as line {decision.line}'
        f" shows; {_option('csv')} reads quoted fields"
    )
    return _Dialect(delimiter, quoted=False, guessed_at=decision.line)


def _quoted_rows(
    path: Path, lines: Iterable[str], dialect: _Dialect, guarded: bool
) -> Iterator[tuple[int, list[str]]]:
    size, hidden, line = 0, False, 1

    def fed() -> Iterator[str]:
        nonlocal size, hidden
        for given in lines:
            size += len(given)
            if size > LONGEST_LINE:
                raise DataError(
                    f"{path}:{line}: the row that starts here is longer than {LONGEST_LINE:,}"
                    f" characters: close its quotation mark, or give {_option('none')} if"
                    ' " is an ordinary character'
                )
            shown = without_lone_returns(given) if "\r" in given else given
            hidden = hidden or shown is not given
            yield shown

    reader = csv_reader(fed(), dialect.delimiter)
    columns = 0
    while True:
        size = 0
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise DataError(
                f"{path}:{line}: the row that starts here breaks the format ({error}): put"
                ' "quotes" around the whole text and double those inside it, or give'
                f' {_option("none")} if " is an ordinary character in this file'
            ) from None
        if fields is None:
            return
        if fields:
            columns = columns or len(fields)
            last = reader.line_num  # type: ignore[attr-defined]
            if guarded and last > line and swallows_rows(fields, dialect.delimiter, columns):
                raise _swallowed(path, line, last)
            yield line, [*map(with_lone_returns, fields)] if hidden else fields
        line = reader.line_num + 1  # type: ignore[attr-defined]


def _literal_rows(
    path: Path, lines: Iterable[str], dialect: _Dialect, guarded: bool
) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, start=1):
        body = line.removesuffix("\n").removesuffix("\r")
        if body:
            yield number, body.split(dialect.delimiter)


def _checked(
    path: Path, rows: Iterable[tuple[int, list[str]]], header: list[str], dialect: _Dialect
) -> Iterator[tuple[int, list[str]]]:
    columns = len(header)
    for line, fields in rows:
        if len(fields) != columns:
            advice = (
                f'put "quotes" around a text that contains {dialect.delimiter!r} or a line break'
            )
            if dialect.guessed_at is not None:
                advice = (
                    f"quotation marks are ordinary characters here, as line {dialect.guessed_at}"
                    f" breaks the format of quoted fields: correct it, and give {_option('csv')}"
                )
            raise DataError(
                f"{path}:{line}: the header has {columns} columns, this row {len(fields)}: {advice}"
            )
        yield line, fields


def _swallowed(path: Path, first: int, last: int) -> DataError:
    return DataError(
        f"{path}:{first}: the quoted text that starts here has {last - first + 1:,} lines that look"
        f' like rows: close its quotation mark, or give {_option("none")} if " is an ordinary'
        f" character in this file, or {_option('csv')} if the text is right"
    )


def _option(value: str) -> str:
    return for_caller(command_line=f"--quoting {value}", python=f"quoting={value!r}")
