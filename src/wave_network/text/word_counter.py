"""Counting the words of texts, before what is rare among them is known."""

from __future__ import annotations

import os
from collections import Counter


class PythonWordCounter:
    """Counts words as far as that is cheap: this form none, the compiled one all plain words."""

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


try:
    from wave_network.text._word_counter import WordCounter as _CompiledWordCounter
except ImportError:  # there was no C compiler
    _CompiledWordCounter = None  # type: ignore[assignment, misc]


def word_counter() -> PythonWordCounter | _CompiledWordCounter:
    """A `PythonWordCounter`, or where it could be built its quicker compiled form."""
    if _CompiledWordCounter is None:
        return PythonWordCounter()
    # A seed that nobody knows: no text can be made of words that all meet in one place.
    return _CompiledWordCounter(int.from_bytes(os.urandom(8), "little"))
