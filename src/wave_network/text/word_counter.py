"""Count the words of texts, to find out which are rare."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wave_network import _native
from wave_network.text.packed import Chunk

if TYPE_CHECKING:
    from wave_network._native._extension import WordCounter


class PythonWordCounter:
    """Fallback that counts strings between spaces; the compiled version counts all ASCII words."""

    def __init__(self) -> None:
        self._others: Counter[str] = Counter()
        self._spaces = 0

    def add(
        self,
        data: NDArray[np.uint8],
        offsets: NDArray[np.int64],
        places: NDArray[np.int64] | None,
        characters: int,
        threads: int,
    ) -> int:
        """Count the words of texts, split at white space.

        Args:
            data: The texts, as in `Utf8Texts`.
            offsets: Likewise.
            places: Likewise.
            characters: How many characters of a text are read.
            threads: How many threads to use; this version uses one.

        Returns:
            The number of distinct strings that `take_others` would return.
        """
        for text in Chunk(data, offsets, places).strings(characters):
            self._others.update(text.split())
            self._spaces += 0 if text.isascii() else text.count(" ")
        return len(self._others)

    def counts(self) -> dict[str, int]:
        """Return the counts of words, in the byte-level characters of `vocabulary.py`."""
        return {}

    def take_others(self) -> dict[str, int]:
        """Return the counts of the strings whose words are not counted here, and forget them."""
        others, self._others = self._others, Counter()
        return others

    def spaces(self) -> int:
        """Return the number of spaces in the texts that are not ASCII."""
        return self._spaces


def word_counter() -> PythonWordCounter | WordCounter:
    """Create a word counter, compiled if available."""
    if _native.compiled is None:
        return PythonWordCounter()
    # A secret seed, so that nobody can craft a text whose words all have the same hash.
    return _native.compiled.WordCounter(int.from_bytes(os.urandom(8), "little"))
