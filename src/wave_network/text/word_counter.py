"""Counting the words of texts, before what is rare among them is known."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from wave_network import _native

if TYPE_CHECKING:
    from wave_network._native._extension import WordCounter


class PythonWordCounter:
    """Fallback that counts nothing itself; the compiled version counts all plain words."""

    def add(self, text: str, others: Counter[str]) -> None:
        """Count the words of a text.

        Args:
            text: What spaces enclose in it is read one by one.
            others: How often each string occurred whose words are not counted here; they are added.
        """
        others.update(text.split())

    def counts(self) -> dict[str, int]:
        """How often each word was counted, as the tokenizers of `vocabulary.py` spell it."""
        return {}


def word_counter() -> PythonWordCounter | WordCounter:
    """A `PythonWordCounter`, or where the extension was built its compiled form."""
    if _native.compiled is None:
        return PythonWordCounter()
    # A random seed: nobody can write a text whose words all collide.
    return _native.compiled.WordCounter(int.from_bytes(os.urandom(8), "little"))
