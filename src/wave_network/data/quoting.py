"""Decide from a whole file whether fields stand in quotation marks, or `"` is just a character.

Both readings are tried on the rows that have quotation marks. The one that first breaks the format
is not the one that is meant. Where both fit, a quoted field over several lines, each of them a row
by itself, is more probably two quotation marks that have nothing to do with each other. But where
most rows have quoted fields, or one has doubled quotation marks, the fields are quoted, and a row
that does not fit is an error.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from wave_network.data.streams import LONGEST_LINE

QUOTE: Final = '"'
# The maximum where a C long has 32 bits.
_LARGEST_FIELD: Final = 2**31 - 1
# Lines in a quoted field that look like rows, before they count as rows: prose may well have one
# comma in each of a few lines, but no tabs.
_ROWS_IN_A_TEXT: Final = 10
_TABBED_ROWS_IN_A_TEXT: Final = 3
_SHARE_OF_ROWS: Final = 0.9
_LINES_OF_A_LONE_COLUMN: Final = 100


class Decision(NamedTuple):
    """Whether fields are quoted.

    Attributes:
        quoted: Whether they are.
        line: The first line that shows it, if the file has fields that start with a quotation mark.
    """

    quoted: bool
    line: int | None = None


def csv_reader(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """Parse quoted fields strictly: otherwise an unclosed quote would swallow rows silently."""
    csv.field_size_limit(_LARGEST_FIELD)
    return csv.reader(lines, delimiter=delimiter, strict=True)


def decide(
    lines: Iterable[str], delimiter: str, columns: int, *, complete: bool = True
) -> Decision:
    """Decide whether the fields of a file are quoted.

    Args:
        lines: Its lines, from the header on.
        delimiter: What separates its fields.
        columns: How many columns the header has.
        complete: Whether these are all its lines.
    """
    return _Trial(lines, delimiter, columns, complete=complete).decide()


def swallows_rows(fields: list[str], delimiter: str, columns: int) -> bool:
    """Whether a quoted field has so many lines, and such, that they are rows themselves."""
    for field in fields:
        inner = field.split("\n")[1:-1] if "\n" in field else []
        if columns == 1:
            if len(inner) > _LINES_OF_A_LONE_COLUMN:
                return True
            continue
        fewest = _TABBED_ROWS_IN_A_TEXT if delimiter == "\t" else _ROWS_IN_A_TEXT
        rows = sum(line.count(delimiter) == columns - 1 for line in inner)
        if len(inner) >= fewest and rows >= _SHARE_OF_ROWS * len(inner):
            return True
    return False


class _Trial:
    """Both readings of a file, line by line, until one of them fails."""

    def __init__(
        self, lines: Iterable[str], delimiter: str, columns: int, *, complete: bool
    ) -> None:
        self._lines = enumerate(lines, start=1)
        self._delimiter, self._columns, self._complete = delimiter, columns, complete
        self._between_rows = True
        self._at_end = False
        self._start = self._number = 0  # of the row, and of its last line so far
        self._first_quoted: int | None = None
        self._first_unlike: int | None = None  # does not fit if `"` is an ordinary character
        self._over_lines: int | None = None
        self._stray = False  # a quotation mark inside a field that has none around it
        self._line = ""
        self._quoted_rows = 0
        self._doubled = False

    def decide(self) -> Decision:
        reader = csv_reader(self._fed(), self._delimiter)
        while True:
            self._between_rows = True
            try:
                fields = next(reader, None)
            except csv.Error:
                if self._at_end and not self._complete:
                    break
                return self._once_broken()
            if fields is None:
                break
            if not self._fits(fields):
                return self._once_broken()
            if self._first_unlike is not None:
                return Decision(quoted=True, line=self._start)
            if self._number == self._start:
                self._note_fields(fields)
            elif self._over_lines is None:
                self._over_lines = self._start
        return self._where_both_fit()

    def _fed(self) -> Iterator[str]:
        """Yield the lines of the rows that have quotation marks; both readings agree on others."""
        size = 0
        for number, line in self._lines:
            self._number = number
            if self._between_rows:
                if QUOTE not in line:
                    continue
                self._start, self._between_rows, size = number, False, 0
                self._line = line
                self._note_quotes(line)
            size += len(line)
            if size > LONGEST_LINE:
                raise csv.Error("the row is too long")
            if self._first_unlike is None and line.count(self._delimiter) != self._columns - 1:
                self._first_unlike = number if line.strip("\r\n") else None
            yield without_lone_returns(line)
        self._at_end = True

    def _note_quotes(self, line: str) -> None:
        opened = line.startswith(QUOTE) or f"{self._delimiter}{QUOTE}" in line
        if opened and self._first_quoted is None:
            self._first_quoted = self._start
        if not self._stray:
            fields = line.split(self._delimiter)
            self._stray = any(QUOTE in field and field[0] != QUOTE for field in fields)

    def _note_fields(self, fields: list[str]) -> None:
        """Note well-formed quoted fields of a row on one line, which both readings fit."""
        raw = self._line.split(self._delimiter)
        quoted = [field for field, part in zip(fields, raw, strict=True) if part[:1] == QUOTE]
        self._quoted_rows += bool(quoted)
        self._doubled = self._doubled or any(QUOTE in field for field in quoted)

    def _evident(self) -> bool:
        return self._doubled or 2 * self._quoted_rows > self._start - 1  # without the header

    def _fits(self, fields: list[str]) -> bool:
        if fields and len(fields) != self._columns:
            return False
        if self._columns == 1:  # the reading that follows refuses such a field
            return True
        return not swallows_rows(fields, self._delimiter, self._columns)

    def _once_broken(self) -> Decision:
        """Decide where quoted fields do not fit: that may be an error of a single row."""
        unlike, start = self._first_unlike, self._start
        if self._evident():
            return Decision(quoted=True, line=start)
        if unlike is None or unlike > start:
            return Decision(quoted=False, line=start)
        return Decision(quoted=unlike < start or self._delimiter != "\t", line=start)

    def _where_both_fit(self) -> Decision:
        if self._first_quoted is None:
            return Decision(quoted=False)
        if self._evident():
            return Decision(quoted=True, line=self._first_quoted)
        if self._over_lines is not None:
            return Decision(quoted=self._columns == 1, line=self._over_lines)
        if self._delimiter == "\t" and self._stray:
            return Decision(quoted=False, line=self._first_quoted)
        return Decision(quoted=True, line=self._first_quoted)


_RETURN_INSIDE: Final = "\udc0d"  # no decoded text has half of a surrogate pair


def without_lone_returns(line: str) -> str:
    """Hide carriage returns within a line, which `csv` refuses outside quotation marks."""
    if "\r" not in line:
        return line
    body = line.removesuffix("\n").removesuffix("\r")
    return body.replace("\r", _RETURN_INSIDE) + line[len(body) :] if "\r" in body else line


def with_lone_returns(field: str) -> str:
    """Put the carriage returns back."""
    return field.replace(_RETURN_INSIDE, "\r")
