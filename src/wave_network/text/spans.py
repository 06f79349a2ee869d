"""Locate the pieces of a text in it, in whole visible characters.

A tokenizer may split a character into bytes, write one as several others (a ligature), or split
between a letter and its accent. Pieces that cannot be shown by themselves are merged here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Set
from typing import Final, NamedTuple

_JOINER: Final = "\u200d"
_VOWELS_WITH_A_MARK: Final = "\u0e33\u0eb3"  # Thai's and Lao's AM: letters to Unicode, half a mark
_FLAG: Final = re.compile("[\U0001f1e6-\U0001f1ff]{2}")
_LONGEST_WORD_KEPT: Final = 32
_WORDS_KEPT: Final = 32_768


class Span(NamedTuple):
    """The part `text[start:end]`: the pieces `first` up to, not including, `last`."""

    start: int
    end: int
    first: int
    last: int


class SpanFinder:
    """Find the spans of texts. Words between spaces recur, so their spans are cached.

    Args:
        pieces: Returns where each piece of a text starts and ends in it.
        by_word: Whether the pieces of a text are the pieces of its words, split at spaces.
    """

    def __init__(self, pieces: Callable[[str], Iterable[tuple[int, int]]], by_word: bool) -> None:
        self._pieces = pieces
        self._by_word = by_word
        self._words: dict[str, list[Span]] = {}

    def find(self, text: str, most: int) -> list[Span]:
        """Return the spans of the first `most` pieces of a text."""
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
    """Merge pieces so that spans do not overlap and none starts within a visible character.

    Args:
        text: The text.
        pieces: Where each piece starts and ends in it, in order.

    Returns:
        Spans in order; together they contain every piece once. A span is empty only if no piece
        has a character of its own.
    """
    spans: list[Span] = []
    # Found for the whole text at once: going back from a letter to the first of its run would take
    # quadratic time for a long run.
    second_letters = {flag.start() + 1 for flag in _FLAG.finditer(text)}
    for index, (start, end) in enumerate(pieces):
        span = Span(start, max(start, end), index, index + 1)
        while spans and _together(text, second_letters, spans[-1], span):
            span = _joined(spans.pop(), span)
        spans.append(span)
    return list(_with_rest(text, spans))


def original_positions(text: str, repaired: str) -> list[int] | None:
    """Map each character of a repaired text, and its end, to a position in the original text.

    Args:
        text: The original text, which may contain halves of surrogate pairs.
        repaired: The same with whole pairs joined.

    Returns:
        The positions; None if every character kept its place.
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


def _together(text: str, second_letters: Set[int], before: Span, span: Span) -> bool:
    return (
        before.start == before.end
        or span.start == span.end
        or span.start < before.end
        or (span.start == before.end and _continues(text, second_letters, span.start))
    )


def _joined(before: Span, span: Span) -> Span:
    with_text = [one for one in (before, span) if one.start < one.end] or [before]
    start, end = min(one.start for one in with_text), max(one.end for one in with_text)
    return Span(start, end, before.first, span.last)


def _continues(text: str, second_letters: Set[int], place: int) -> bool:
    """Whether a character belongs to the visible character before it.

    Two letters make a flag; `second_letters` are the places of the second ones.
    """
    if _is_flag_letter(text[place]):
        return place in second_letters
    return text[place - 1] == _JOINER or _extends(text[place])


def _extends(character: str) -> bool:
    """Whether it is a mark, joiner, skin tone, conjoining Hangul vowel or ending, or Thai AM."""
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
    """Extend spans over what normalisation merged into their last character, such as an accent."""
    for index, span in enumerate(spans):
        limit = spans[index + 1].start if index + 1 < len(spans) else len(text)
        end = span.end
        while span.start < end < limit and _extends(text[end]):
            end += 1
        yield span._replace(end=end)
