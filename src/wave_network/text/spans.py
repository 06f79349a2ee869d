"""Where pieces of a text stand in it, in whole characters as a reader sees them.

A tokenizer may cut a character into bytes, spell one by several others (a ligature), or cut between
a letter and its accent. What cannot be shown by itself is put together here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

_JOINER: Final = "\u200d"
_VOWELS_WITH_A_MARK: Final = "\u0e33\u0eb3"  # Thai's and Lao's AM: letters to Unicode, half a mark
_LONGEST_WORD_KEPT: Final = 32
_WORDS_KEPT: Final = 32_768


class Span(NamedTuple):
    """`text[start:end]`, and which of the pieces it is made of: `first` up to but not `last`."""

    start: int
    end: int
    first: int
    last: int


class SpanFinder:
    """Finds the spans of texts. Words recur, so those that spaces enclose are looked up.

    Args:
        pieces: Gives where each piece of a text starts and ends in it.
        by_word: Whether the pieces of a text are those of its words, split at spaces.
    """

    def __init__(self, pieces: Callable[[str], Iterable[tuple[int, int]]], by_word: bool) -> None:
        self._pieces = pieces
        self._by_word = by_word
        self._words: dict[str, list[Span]] = {}

    def find(self, text: str, most: int) -> list[Span]:
        """The spans of a text that its first `most` pieces make."""
        if not self._by_word:
            return _clipped(whole_spans(text, self._pieces(text)), most)
        spans: list[Span] = []
        place = count = 0
        for word in text.replace("\n", " ").split(" "):
            of_word = self._of_word(word)
            for start, end, first, last in of_word:
                spans.append(Span(place + start, place + end, count + first, count + last))
            place += len(word) + 1
            count += of_word[-1].last if of_word else 0
            if count >= most:
                break
        return _clipped(spans, most)

    def _of_word(self, word: str) -> list[Span]:
        spans = self._words.get(word)
        if spans is None:
            spans = whole_spans(word, self._pieces(word))
            if len(self._words) >= _WORDS_KEPT:
                self._words.clear()
            if len(word) <= _LONGEST_WORD_KEPT:
                self._words[word] = spans
        return spans


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


def _clipped(spans: list[Span], most: int) -> list[Span]:
    return [
        span._replace(last=most) if span.last > most else span
        for span in spans
        if span.first < most
    ]


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
    """Marks and joiners, skin tones, the vowels and endings of spelt-out Hangul, and Thai's AM."""
    return (
        character in _VOWELS_WITH_A_MARK
        or unicodedata.category(character).startswith("M")
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
