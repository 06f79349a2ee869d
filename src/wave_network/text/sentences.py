"""Split texts into sentences: rules for many scripts, in linear time."""

from __future__ import annotations

import re
from typing import Final

_CLOSERS: Final = r"""["'”’»›)\]}」』）】》〉]*"""
_BOUNDARY: Final = re.compile(
    # These end a sentence only before white space: "3.5" and "example.com" stay whole. The
    # look-behind lets a run of them match only at its start, which keeps the search linear.
    rf"(?P<stop>(?<![.!?…؟۔])[.!?…؟۔]+{_CLOSERS})\s+"
    # These need no white space: Chinese, Japanese, Devanagari, Armenian, Ethiopic, Khmer, Burmese.
    rf"|[。！？｡।॥։።។။]+{_CLOSERS}\s*"
    r"|[\n\r\x85\u2028\u2029]\s*"
)
_ABBREVIATION: Final = re.compile(
    r"(?:^|\W)(?:[A-Za-zА-Яа-я]|[DMS]rs?|M[sx]|St|Prof|Gen|Sen|Rep|Gov|Capt|Sgt|Lt|Col|Rev|vs)$"
)
_LONGEST_ABBREVIATION: Final = 4


def split_sentences(text: str) -> list[str]:
    """Split a text into its sentences.

    A sentence ends after `.`, `!`, `?` or `…` (with any closing quotes and brackets) before white
    space; after the sentence mark of a script that writes no space there; and at a line break. A
    single letter or a title before the full stop (`J. Smith`, `Dr. Who`) does not end a sentence.

    Returns:
        The sentences with the white space that follows each: joined, they are the text. A text of
        only white space gives one blank sentence; the empty text gives none.
    """
    sentences = []
    start = 0
    first = len(text) - len(text.lstrip())
    for boundary in _BOUNDARY.finditer(text, first):
        if _is_abbreviation(text, start, boundary):
            continue
        sentences.append(text[start : boundary.end()])
        start = boundary.end()
    if start < len(text):
        sentences.append(text[start:])
    return sentences


def _is_abbreviation(text: str, start: int, boundary: re.Match[str]) -> bool:
    if boundary["stop"] != ".":
        return False
    before = text[max(start, boundary.start() - _LONGEST_ABBREVIATION - 1) : boundary.start()]
    return _ABBREVIATION.search(before) is not None
