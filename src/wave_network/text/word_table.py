"""Look up the token ids of words: words recur, and a lookup is faster than encoding again."""

from __future__ import annotations

import os
import struct
from itertools import accumulate
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from wave_network import _native
from wave_network.text.packed import Chunk
from wave_network.text.plain_words import WORD_START, plain_parts

if TYPE_CHECKING:
    from wave_network._native._extension import WordTable

ID: Final = struct.Struct("i")  # as np.int32

LONGEST_WORD_KEPT: Final = 128

# At most about 30 and 40 MB: a compiled entry takes 80 bytes, a dictionary entry 230.
_WORDS_KEPT: Final = 131_072
_WORDS_KEPT_COMPILED: Final = 400_000


class PythonWordTable:
    """The ids of words seen before. Safe to share between threads.

    Args:
        limit: The table is emptied when it has more words than this.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._words = {"": b""}
        self._learnt: dict[str, bytes] = {}

    def __len__(self) -> int:
        return len(self._words) - 1

    def encode(
        self,
        data: NDArray[np.uint8],
        offsets: NDArray[np.int64],
        places: NDArray[np.int64] | None,
        first: int,
        most: int,
        characters: int,
        threads: int,
        known: dict[str, bytes],
    ) -> tuple[bytearray, bytearray, set[str]]:
        """Look up the words of texts, split at spaces and line feeds.

        Args:
            data: The texts, as in `Utf8Texts`.
            offsets: Likewise.
            places: Likewise.
            first: The id that each text begins with.
            most: The maximum number of ids of one text, including the first; the rest is dropped.
            characters: How many characters of a text are read.
            threads: How many threads to use; this version uses one.
            known: The ids of words that may not be in the table.

        Returns:
            The packed ids as 32-bit integers, and the texts' offsets as 64-bit integers; and the
            words that neither the table nor `known` has. A text with such a word has no ids.
        """
        get = self._words.__getitem__
        unknown: set[str] = set()
        start, room = ID.pack(first), ID.size * (most - 1)
        rows = []
        for text in Chunk(data, offsets, places).strings(characters):
            words = text.replace("\n", " ").split(" ")
            try:
                row = b"".join(map(get, words))
            except KeyError:
                # Another thread may empty the table at any time, so look up each word only once.
                found = [self._ids_of(word, known) for word in words]
                unknown.update(word for word, ids in zip(words, found, strict=True) if ids is None)
                if None in found:
                    rows.append(b"")
                    continue
                row = b"".join(ids for ids in found if ids is not None)
            rows.append(start + row[:room])
        ends = accumulate((len(row) // ID.size for row in rows), initial=0)
        row_offsets = bytearray(struct.pack(f"{len(rows) + 1}q", *ends))
        return bytearray().join(rows), row_offsets, unknown

    def _ids_of(self, word: str, known: dict[str, bytes]) -> bytes | None:
        ids = self._words.get(word, known.get(word))
        if ids is None and self._learnt and (parts := plain_parts(word)) is not None:
            try:
                ids = b"".join(map(self._learnt.__getitem__, parts))
            except KeyError:
                return None
            if len(word) <= LONGEST_WORD_KEPT:
                self.add({word: ids})
        return ids

    def add(self, words: dict[str, bytes]) -> None:
        """Store the ids of words, as bytes of 32-bit integers."""
        if len(self) > self._limit:
            self._words = {"": b""}
        self._words.update(words)

    def learn(self, vocabulary: dict[str, int], merges: NDArray[np.int32]) -> None:
        """Learn a byte-level vocabulary, so that `encode` can split plain words itself.

        Call it once, before `encode`. This version learns only the words, and returns all others as
        missing.

        Args:
            vocabulary: The ids of the entries.
            merges: For each merge, the ids of both pieces and of the result, in the order of the
                merges, (merges, 3).
        """
        self._learnt = {
            entry[1:]: ID.pack(index)
            for entry, index in vocabulary.items()
            if entry.startswith(WORD_START)
        }


def word_table() -> PythonWordTable | WordTable:
    """Create a word table, compiled if available."""
    if _native.compiled is None:
        return PythonWordTable(_WORDS_KEPT)
    # A secret seed, so that nobody can craft a text whose words all have the same hash.
    return _native.compiled.WordTable(_WORDS_KEPT_COMPILED, int.from_bytes(os.urandom(8), "little"))
