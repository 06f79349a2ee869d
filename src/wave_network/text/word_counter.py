"""Count the words of texts, to find out which are rare."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from wave_network import _native

if TYPE_CHECKING:
    from wave_network._native._extension import WordCounter


class PythonWordCounter:
    """Fallback that counts nothing itself; the compiled version counts all ASCII words."""

    def add(self, text: str, others: Counter[str]) -> None:
        """Count the words of a text.

        Args:
            text: The text, which is split at spaces.
            others: Counts of the strings whose words are not counted here; they are added to it.
        """
        others.update(text.split())

    def counts(self) -> dict[str, int]:
        """Return the counts of words, in the byte-level characters of `vocabulary.py`."""
        return {}


def word_counter() -> PythonWordCounter | WordCounter:
    """Create a word counter, compiled if available."""
    if _native.compiled is None:
        return PythonWordCounter()
    # A secret seed, so that nobody can craft a text whose words all have the same hash.
    return _native.compiled.WordCounter(int.from_bytes(os.urandom(8), "little"))
