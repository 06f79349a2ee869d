"""fastText's dictionary, and how it reads a line: as rows of its table, and as labels.

A line ends at a line feed, or at the word `</s>`, which stands for one. Words end at ASCII blanks
and zero bytes. A word of the dictionary has a row of its own; with subwords, every word also has a
row for each of its n-grams of characters, hashed into buckets. Word n-grams are hashed into the
same buckets. Words are bytes: they need not be UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from wave_network import _native
from wave_network._native import threads
from wave_network.text.batches import IdArray, OffsetArray

END: Final = b"</s>"
"""The word for the end of a line."""
LABEL_PREFIX: Final = "__label__"

_BLANKS: Final = b" \n\r\t\v\f\0"
_WITHOUT_BLANKS: Final = bytes.maketrans(_BLANKS, b" " * len(_BLANKS))
_MOST_REMEMBERED: Final = 2**16  # words whose rows the form without compiled code keeps


class Lines(NamedTuple):
    """Lines as read: line `i` has `ids[offsets[i]:offsets[i + 1]]`, and its labels likewise.

    A line may have no row at all, and labels are numbered from 0.
    """

    ids: IdArray
    offsets: OffsetArray
    labels: IdArray
    label_offsets: OffsetArray


@dataclass(frozen=True, eq=False)
class FastTextDictionary:
    """The words and labels of a fastText model, and what it makes of other words.

    Attributes:
        entries: The words, then the labels, each once.
        counts: How often each was in the training data, int64.
        words: The number of words.
        shortest: The least number of characters of a subword.
        longest: The highest number; 0: there are no subwords.
        ngram: The highest number of words of a word n-gram; 1 or less: there are none.
        buckets: The number of buckets of subwords and word n-grams.
        kept: The buckets that a pruned model has rows for, and the row of each, counted after those
            of the words; both int32. None: a row for each bucket.
    """

    entries: Sequence[bytes]
    counts: NDArray[np.int64]
    words: int
    shortest: int
    longest: int
    ngram: int
    buckets: int
    kept: tuple[NDArray[np.int32], NDArray[np.int32]] | None = None

    @property
    def labels(self) -> Sequence[bytes]:
        """The labels, with their prefix."""
        return self.entries[self.words :]

    @property
    def rows(self) -> int:
        """The rows that the table needs."""
        if self.longest <= 0 and self.ngram <= 1:
            return self.words
        if self.kept is None:
            return self.words + self.buckets
        return self.words + int(self.kept[1].max(initial=-1)) + 1

    @cached_property
    def places(self) -> dict[bytes, int]:
        """The place of each entry."""
        return {entry: place for place, entry in enumerate(self.entries)}

    @cached_property
    def kept_rows(self) -> dict[int, int] | None:
        """The row of each bucket that was kept, counted after the words; None if not pruned."""
        if self.kept is None:
            return None
        return dict(zip(self.kept[0].tolist(), self.kept[1].tolist(), strict=True))

    def is_word(self, word: bytes) -> bool:
        """Whether a word of a line is a word of the text: not a label, known or unknown."""
        place = self.places.get(word, -1)
        if place >= 0:
            return place < self.words
        return not word.startswith(LABEL_PREFIX.encode())

    def row(self, bucket: int) -> int | None:
        """Return the row of a bucket; None if the model was pruned and lost it."""
        if self.kept_rows is not None:
            found = self.kept_rows.get(bucket)
            return None if found is None else self.words + found
        return self.words + bucket

    def subwords(self, word: bytes) -> list[tuple[bytes, int]]:
        """Return the subwords of a word that have a row, itself first if it is known, with rows."""
        found = []
        place = self.places.get(word, -1)
        if 0 <= place < self.words:
            found.append((word, place))
        if word != END:
            for subword in _character_ngrams(word, self.shortest, self.longest):
                if (row := self.row(hashed(subword) % self.buckets)) is not None:
                    found.append((subword, row))
        return found

    def word_ngrams(self, hashes: Sequence[int]) -> Iterator[tuple[int, int, int]]:
        """Yield the word n-grams of a line that have a row.

        Args:
            hashes: The `signed_hash` of each word of the line, `</s>` the last.

        Yields:
            The place of the first word, the place after the last word, and the row.
        """
        for start in range(len(hashes)):
            value = hashes[start]
            for stop in range(start + 2, min(start + self.ngram, len(hashes)) + 1):
                value = (value * 116049371 + hashes[stop - 1]) & 0xFFFFFFFFFFFFFFFF
                if (row := self.row(value % self.buckets)) is not None:
                    yield start, stop, row


class LineReader(Protocol):
    """Reads lines with a dictionary."""

    def read(self, lines: Sequence[bytes]) -> Lines:
        """Read lines; what follows the end of a line is not read."""


def line_reader(dictionary: FastTextDictionary) -> LineReader:
    """Return the reader of a dictionary: compiled, if there is compiled code."""
    compiled = _native.compiled is not None
    return NativeReader(dictionary) if compiled else PlainReader(dictionary)


class NativeReader:
    """The compiled form of a line reader."""

    def __init__(self, dictionary: FastTextDictionary) -> None:
        self._dictionary = dictionary
        lengths = np.fromiter(map(len, dictionary.entries), np.int64, len(dictionary.entries))
        none = np.empty(0, np.int32)
        kept, rows = dictionary.kept or (none, none)
        self._reader = _native.compiled.LineReader(
            entries=np.frombuffer(b"".join(dictionary.entries), np.uint8),
            starts=np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]),
            words=dictionary.words,
            shortest=dictionary.shortest,
            longest=dictionary.longest,
            ngram=max(dictionary.ngram, 0),
            buckets=dictionary.buckets,
            is_pruned=dictionary.kept is not None,
            kept=kept,
            rows=rows,
        )

    def __reduce__(self) -> tuple[type[NativeReader], tuple[FastTextDictionary]]:
        return type(self), (self._dictionary,)

    def read(self, lines: Sequence[bytes]) -> Lines:
        """As `LineReader.read`."""
        offsets = np.zeros(len(lines) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, lines), np.int64, len(lines)), out=offsets[1:])
        data = np.frombuffer(b"".join(lines), np.uint8)
        ids, ends, labels, label_ends = self._reader.read(data, offsets, threads.current())
        return Lines(
            np.frombuffer(ids, np.int32),
            np.frombuffer(ends, np.int64),
            np.frombuffer(labels, np.int32),
            np.frombuffer(label_ends, np.int64),
        )


class _Word(NamedTuple):
    """What a word of a line is: rows of the table, or a label; and its hash for word n-grams."""

    ids: list[int]
    label: int | None
    signed_hash: int | None


class PlainReader:
    """A line reader in Python, for where there is no compiled code."""

    def __init__(self, dictionary: FastTextDictionary) -> None:
        self._dictionary = dictionary
        self._known: dict[bytes, _Word] = {}

    def read(self, lines: Sequence[bytes]) -> Lines:
        """As `LineReader.read`."""
        ids: list[int] = []
        labels: list[int] = []
        ends, label_ends = [0], [0]
        for line in lines:
            hashes = []
            for token in tokens(line):
                word = self._word(token)
                ids += word.ids
                if word.label is not None:
                    labels.append(word.label)
                if word.signed_hash is not None:
                    hashes.append(word.signed_hash)
            ids += (row for _, _, row in self._dictionary.word_ngrams(hashes))
            ends.append(len(ids))
            label_ends.append(len(labels))
        return Lines(
            np.array(ids, np.int32),
            np.array(ends, np.int64),
            np.array(labels, np.int32),
            np.array(label_ends, np.int64),
        )

    def _word(self, token: bytes) -> _Word:
        if (word := self._known.get(token)) is None:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            word = self._known[token] = self._looked_up(token)
        return word

    def _looked_up(self, token: bytes) -> _Word:
        dictionary = self._dictionary
        if not dictionary.is_word(token):
            place = dictionary.places.get(token)
            return _Word([], None if place is None else place - dictionary.words, None)
        return _Word([row for _, row in dictionary.subwords(token)], None, signed_hash(token))


def tokens(line: bytes) -> Iterator[bytes]:
    """Yield the words of a line, up to its end, for which `</s>` stands."""
    before, end, _ = line.partition(b"\n")
    for token in before.translate(_WITHOUT_BLANKS).split(b" "):
        if token:
            yield token
            if token == END:
                return
    if end:
        yield END


def hashed(word: bytes) -> int:
    """Return fastText's hash of 32 bits: FNV-1a, but with bytes that have signs."""
    value = 2166136261
    for byte in word:
        value = ((value ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * 16777619) & 0xFFFFFFFF
    return value


def signed_hash(word: bytes) -> int:
    """Return the hash of a word as fastText puts it into word n-grams: with a sign."""
    value = hashed(word)
    return value - 2**32 if value >= 2**31 else value


def _character_ngrams(word: bytes, shortest: int, longest: int) -> Iterator[bytes]:
    """Yield the n-grams of the characters of a word between `<` and `>`, not these two alone."""
    marked = b"<" + word + b">"
    starts = [place for place, byte in enumerate(marked) if byte & 0xC0 != 0x80]
    bounds = [*starts, len(marked)]
    for first in range(len(starts)):
        for length in range(max(shortest, 1), min(longest, len(starts) - first) + 1):
            stop = first + length
            if not (length == 1 and (first == 0 or stop == len(starts))):
                yield marked[bounds[first] : bounds[stop]]
