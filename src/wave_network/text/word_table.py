"""From words to token ids: words recur, and looking them up is quicker than encoding them again."""

from __future__ import annotations

import os
import struct
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final

from wave_network import _native
from wave_network.text.plain_words import plain_parts

if TYPE_CHECKING:
    from wave_network._native._extension import WordTable

ID: Final = struct.Struct("i")  # as np.int32

LONGEST_WORD_KEPT: Final = 128

# Some 30 and 50 MB at most: a compiled entry takes 100 bytes, one of a dictionary 230.
_WORDS_KEPT: Final = 131_072
_WORDS_KEPT_COMPILED: Final = 400_000


class PythonWordTable:
    """The ids of words that were met before. Safe to share between threads.

    Args:
        limit: Once it has more words, it forgets them all before it takes others.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._words = {"": b""}
        self._learnt: dict[str, bytes] = {}

    def __len__(self) -> int:
        return len(self._words) - 1

    def encode(
        self,
        texts: list[str],
        first: int,
        most: int,
        known: dict[str, bytes],
        before: tuple[bytearray, bytearray] | None = None,
    ) -> tuple[bytearray, bytearray, set[str]]:
        """Look up the words of texts, which spaces and line feeds part.

        Args:
            texts: The texts.
            first: The id that each text begins with.
            most: Ids of one text at most, the first one included; further ones are left out.
            known: The ids of words that the table may lack.
            before: What an earlier call gave for these texts: only those that have no ids yet are
                looked up.

        Returns:
            The packed ids as 32-bit integers, and the texts' offsets among them as 64-bit ones; and
            the words that neither table nor `known` has. A text that holds one has no ids.
        """
        get = self._words.__getitem__
        unknown: set[str] = set()
        start, room = ID.pack(first), ID.size * (most - 1)
        rows = _rows(*before) if before is not None else [b""] * len(texts)
        for index, text in enumerate(texts):
            if rows[index]:
                continue
            words = text.replace("\n", " ").split(" ")
            try:
                row = b"".join(map(get, words))
            except KeyError:
                # Another thread may empty the table at any time: each word is looked up once.
                found = [self._ids_of(word, known) for word in words]
                unknown.update(word for word, ids in zip(words, found, strict=True) if ids is None)
                if None in found:
                    continue
                row = b"".join(ids for ids in found if ids is not None)
            rows[index] = start + row[:room]
        ends = accumulate((len(row) // ID.size for row in rows), initial=0)
        offsets = bytearray(struct.pack(f"{len(rows) + 1}q", *ends))
        return bytearray().join(rows), offsets, unknown

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
        """Keep the ids of words, as bytes of 32-bit integers."""
        if len(self) > self._limit:
            self._words = {"": b""}
        self._words.update(words)

    def learn(self, words: dict[str, bytes], alphabet: bytes, merges: bytes) -> None:
        """Learn how plain words are spelt, so that `encode` need not ask for them.

        This form learns the words alone and asks for what it cannot put together from them.

        Args:
            words: The ids of words as `plain_parts` gives them; others may be among them.
            alphabet: The ids of the characters from " " to "~"; a space starts every word.
            merges: The ids of two pieces and of what they make, for all that merge, in the order
                in which they do.
        """
        self._learnt = words


def _rows(ids: bytearray, offsets: bytearray) -> list[bytes]:
    places = [ID.size * offset for (offset,) in struct.iter_unpack("q", offsets)]
    return [bytes(ids[start:end]) for start, end in pairwise(places)]


def word_table() -> PythonWordTable | WordTable:
    """A `PythonWordTable`, or where the extension was built its quicker compiled form."""
    if _native.compiled is None:
        return PythonWordTable(_WORDS_KEPT)
    # A random seed: nobody can write a text whose words all collide.
    return _native.compiled.WordTable(_WORDS_KEPT_COMPILED, int.from_bytes(os.urandom(8), "little"))
