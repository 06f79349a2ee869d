"""What the tokenizers of `vocabulary.py` do to strings of printable ASCII, several times quicker.

Most strings are such. They have no Unicode forms to fold, and their words are letters and digits.
"""

from __future__ import annotations

import re
from typing import Final

WORD_START: Final = "Ġ"
"""How byte-level vocabularies write the space before a word."""

_PLAIN: Final = re.compile(r"[!-~]+")
_PARTS: Final = re.compile(r"[0-9a-z]+|[!-/:-@\[-`{-~]")  # a punctuation mark is a word of its own


def plain_parts(string: str) -> list[str] | None:
    """The words of a string without spaces, in lower case; None if it is not of printable ASCII."""
    return _PARTS.findall(string.lower()) if _PLAIN.fullmatch(string) else None
