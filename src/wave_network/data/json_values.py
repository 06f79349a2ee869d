"""Read the objects of `.jsonl` and `.json` files, one at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from json import JSONDecodeError, JSONDecoder
from pathlib import Path
from typing import Any, Final

from wave_network.data.streams import LONGEST_LINE, iter_blocks, iter_lines
from wave_network.errors import DataError

_READ_AT_ONCE: Final = 2**16
_LONGEST_WORD: Final = 12  # such as a \ud83d\ude00, which may be cut at the end of what was read
_BLANKS: Final = " \t\n\r"


def iter_json_lines(path: Path, encoding: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read one object from each line that is not blank.

    Returns:
        The objects, each with its place for messages.

    Raises:
        DataError: While iterating, if a line is not an object.
    """
    for number, line in enumerate(iter_lines(path, encoding), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _not_json(where, error, "put one object on each line") from None
        if not isinstance(value, dict):
            raise DataError(f"{where}: {json_kind(value)}: put one JSON object on each line")
        yield where, value


def iter_json_array(path: Path, encoding: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read the objects of an array, or objects that follow each other, as on lines.

    Returns:
        The objects, each with its place for messages.

    Raises:
        DataError: While iterating, if the file is something else.
    """
    for number, value in enumerate(_values(path, encoding), start=1):
        where = f"{path}: item {number}"
        if not isinstance(value, dict):
            raise DataError(f"{where} is {json_kind(value)}: write an array of objects")
        if number == 1 and value and all(isinstance(one, dict | list) for one in value.values()):
            raise DataError(
                f"{path} is an object of columns: write an array with an object for each text"
                " (in pandas: to_json(..., orient='records'))"
            )
        yield where, value


def json_kind(value: object) -> str:
    """Name the kind of a JSON value, for messages."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, float) and (value != value or value.is_integer()):
        return f"{value}"
    names = {
        str: "a string",
        dict: "an object",
        float: "a number with a fraction",
        int: "a number",
        list: "a list",
    }
    return names[type(value)]


def _values(path: Path, encoding: str) -> Iterator[object]:
    """Yield the items of an array, or the values that follow each other."""
    text = _Text(path, encoding)
    in_array = text.peek() == "["
    if in_array:
        text.skip()
    first = True
    while (character := text.peek()) not in ("", "]" if in_array else ""):
        if in_array and not first:
            if character != ",":
                raise text.error("no comma after an item")
            text.skip()
            text.peek()
        first = False
        yield text.value()
    if in_array:
        if text.peek() != "]":
            raise text.error("the array has no end")
        text.skip()
    if text.peek():
        raise text.error("something follows the end")


class _Text:
    """The text of a file, as much of it as the next value needs."""

    def __init__(self, path: Path, encoding: str) -> None:
        self._path = path
        self._blocks = iter_blocks(path, encoding)
        self._text = ""
        self._at = 0
        self._more = True
        self._items = 0
        self._decode = JSONDecoder().raw_decode

    def peek(self) -> str:
        """Return the next character that is not blank; an empty string at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _BLANKS:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more:
                return ""
            self._read(_READ_AT_ONCE)

    def skip(self) -> None:
        """Go on by a character."""
        self._at += 1

    def value(self) -> object:
        """Parse the next value.

        Raises:
            DataError: If there is none, or it is too long.
        """
        self._items += 1
        while True:
            try:
                value, self._at = self._decode(self._text, self._at)
            except JSONDecodeError as error:
                if not self._more or not self._may_go_on(error):
                    raise self.error(error.msg) from None
                # Twice as much each time: the time is linear.
                self._read(max(_READ_AT_ONCE, len(self._text) - self._at))
            except (ValueError, RecursionError) as error:  # a number of thousands of digits
                raise self.error(str(error)) from None
            else:
                return value

    def error(self, reason: str) -> DataError:
        """Create the error for what is not JSON."""
        return DataError(
            f"{self._path}: item {self._items}: not JSON ({reason}): write an array of objects"
        )

    def _may_go_on(self, error: JSONDecodeError) -> bool:
        cut = len(self._text) - error.pos <= _LONGEST_WORD
        return cut or error.msg.startswith("Unterminated string")

    def _read(self, size: int) -> None:
        parts = [self._text[self._at :]]
        read = 0
        while read < size and self._more:
            block = next(self._blocks, "")
            self._more = bool(block)
            parts.append(block)
            read += len(block)
        self._text, self._at = "".join(parts), 0
        if len(self._text) > LONGEST_LINE:
            raise DataError(
                f"{self._path}: item {self._items} is longer than {LONGEST_LINE:,} characters:"
                " write an array with an object for each text"
            )


def _not_json(where: str, error: Exception, advice: str) -> DataError:
    reason = error.msg if isinstance(error, JSONDecodeError) else error
    return DataError(f"{where}: not JSON ({reason}): {advice}")
