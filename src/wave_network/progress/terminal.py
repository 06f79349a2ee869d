"""The size of a terminal, and texts that fit it."""

from __future__ import annotations

import os
from typing import TextIO

_USUAL_WIDTH = 80


def width_of(stream: TextIO) -> int:
    """Return the number of columns of a terminal; 80 if it does not say."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL_WIDTH
    except (OSError, ValueError):
        return _USUAL_WIDTH


def columns_of(text: str) -> int:
    """Return how many columns a text takes: two for a wide character, none for a combining one."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def cut(text: str, columns: int) -> str:
    """Cut a text that is too wide, and mark the cut with an ellipsis."""
    text = text[: columns + 1] if text.isascii() else text[: 4 * columns + 4]
    if columns_of(text) <= columns:
        return text
    taken, place = 0, 0
    for place, character in enumerate(text):  # noqa: B007
        taken += _columns(character)
        if taken > columns - 1:
            break
    return text[:place] + "…"


def _columns(character: str) -> int:
    from unicodedata import combining, east_asian_width

    if character.isascii():
        return 1
    if combining(character):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1
