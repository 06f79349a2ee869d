"""Where pieces of a text stand in it, in whole characters as a reader sees them.

A tokenizer may cut a character into bytes, spell one by several others (a ligature), or cut between
a letter and its accent. What cannot be shown by itself is put together here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

_JOINER: Final = "\u200d"


class Span(NamedTuple):
    """`text[start:end]`, and which of the pieces it is made of: `first` up to but not `last`."""

    start: int
    end: int
    first: int
    last: int


def whole_spans(text: str, pieces: Iterable[tuple[int, int]]) -> list[Span]:
    """Put pieces together such that none overlap, and none starts within a visible character.

    Args:
        text: The text.
        pieces: Where each piece starts and ends in it, in the text's order.

    Returns:
        Spans in order; together they hold every piece once. Only where no piece has a character
        of its own is a span empty.
    """
    spans: list[Span] = []
    for index, (start, end) in enumerate(pieces):
        span = Span(start, max(start, end), index, index + 1)
        while spans and _together(text, spans[-1], span):
            span = _joined(spans.pop(), span)
        spans.append(span)
    return list(_with_rest(text, spans))


def original_positions(text: str, repaired: str) -> list[int] | None:
    """Where each character of a repaired text starts in the text, and where the text ends.

    Args:
        text: The text, in which halves of surrogate pairs may stand one by one.
        repaired: The same with whole pairs joined.

    Returns:
        None if every character kept its place.
    """
    if len(text) == len(repaired):
        return None
    positions = [0]
    for character in repaired:
        position = positions[-1]
        is_pair = ord(character) > 0xFFFF and text[position] != character
        positions.append(position + 1 + is_pair)
    return positions


def _together(text: str, before: Span, span: Span) -> bool:
    return (
        before.start == before.end
        or span.start == span.end
        or span.start < before.end
        or (span.start == before.end and _continues(text, span.start))
    )


def _joined(before: Span, span: Span) -> Span:
    with_text = [one for one in (before, span) if one.start < one.end] or [before]
    start, end = min(one.start for one in with_text), max(one.end for one in with_text)
    return Span(start, end, before.first, span.last)


def _continues(text: str, place: int) -> bool:
    """Whether a character belongs to the visible character before it."""
    if _is_flag_letter(text[place]):
        first = place
        while first and _is_flag_letter(text[first - 1]):
            first -= 1
        return (place - first) % 2 == 1
    return text[place - 1] == _JOINER or _extends(text[place])


def _extends(character: str) -> bool:
    """Marks and joiners, skin tones, and the vowels and endings of spelt-out Hangul."""
    return (
        unicodedata.category(character).startswith("M")
        or character == _JOINER
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\u1160" <= character <= "\u11ff"
    )


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _with_rest(text: str, spans: list[Span]) -> Iterator[Span]:
    """Let spans end after what normalisation took into their last character, such as an accent."""
    for index, span in enumerate(spans):
        limit = spans[index + 1].start if index + 1 < len(spans) else len(text)
        end = span.end
        while span.start < end < limit and _extends(text[end]):
            end += 1
        yield span._replace(end=end)
