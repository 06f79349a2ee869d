"""Split strings of printable ASCII as the tokenizers of `vocabulary.py` do, several times faster.

Most strings are printable ASCII: they need no Unicode normalisation, and their words consist of
letters and digits.
"""

from __future__ import annotations

import re
from typing import Final

WORD_START: Final = "Ġ"
"""The character that byte-level vocabularies write for the space before a word."""

_PLAIN: Final = re.compile(r"[!-~]+")
_PARTS: Final = re.compile(r"[0-9a-z]+|[!-/:-@\[-`{-~]")  # each punctuation mark is a word

is_plain_word: Final = _PARTS.fullmatch
"""Finds whether `plain_parts` would return a string itself and nothing else."""


def plain_parts(string: str) -> list[str] | None:
    """Split a string without spaces into words, in lower case; None if not printable ASCII."""
    return _PARTS.findall(string.lower()) if _PLAIN.fullmatch(string) else None
