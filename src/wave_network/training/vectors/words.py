"""Read texts as numbered words, in bounded memory."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.scale.arrays import ArrayWriter, blocks

END: Final = -1
"""Stands between the words of two texts."""

_TEXTS_AT_ONCE: Final = 1_000
_CHARACTERS_AT_ONCE: Final = 2**22
_MOST_WAITING: Final = 2**21  # words that are counted at a time; about 500 MB
_MOST_STRINGS: Final = 2**20  # whose words are remembered

Integers = NDArray[np.int32]


class Splitter(NamedTuple):
    """How texts are split into words.

    Attributes:
        strings: Splits a text at blanks.
        words: Splits such a string into words.
    """

    strings: Callable[[str], list[str]]
    words: Callable[[str], list[str]]


class Corpus(NamedTuple):
    """Texts as numbered words.

    Attributes:
        words: The most frequent first; of equal ones in the order of the alphabet.
        counts: How often each is in the texts, int64, (words,).
        ids: The words of the texts one after the other, `END` after each text; int32, mapped from a
            file if they are many. Other words are left out.
        texts: The number of texts.
        tokens: The number of all words of the texts.
        rare: The number of words that are left out because they are rare; of very many, a lower
            bound.
    """

    words: list[str]
    counts: NDArray[np.int64]
    ids: Integers
    texts: int
    tokens: int
    rare: int


def read_words(texts: Iterable[str], splitter: Splitter, least: int, most: int) -> Corpus:
    """Number the words of texts.

    Args:
        texts: The texts; they are read once.
        splitter: Splits them into words.
        least: How often a word occurs at least.
        most: The number of words that are kept at most, the most frequent ones.

    Raises:
        OutputError: If the texts are large, and the temporary folder cannot take the numbers.
    """
    counter, stream = _Counter(splitter.words), ArrayWriter(np.int32, "the texts")
    rows = tokens = 0
    end = array("i", [END]).tobytes()
    for some in _bounded(texts):
        packed = [b"".join(map(counter.__getitem__, splitter.strings(text))) + end for text in some]
        ids = np.frombuffer(b"".join(packed), np.int32)
        stream.append(ids)
        rows += len(some)
        tokens += len(ids) - len(some)
        counter.count(ids)
    return counter.corpus(stream.finish(), least, most)._replace(texts=rows, tokens=tokens)


def _bounded(texts: Iterable[str]) -> Iterator[list[str]]:
    """Group texts, so that a group has a bounded number of characters beside its last text."""
    rest = iter(texts)
    some: list[str] = []
    size = 0
    for text in rest:
        some.append(text)
        size += len(text)
        if len(some) == _TEXTS_AT_ONCE or size > _CHARACTERS_AT_ONCE:
            yield some
            some, size = [], 0
    if some:
        yield some


class _Counter(dict[str, bytes]):
    """The numbers of the words of strings, which are given when a string is first asked for.

    When there are too many words, the rarest are forgotten, and other words get their numbers: then
    a number in the stream stands for its word only from some place on.
    """

    def __init__(self, split: Callable[[str], list[str]]) -> None:
        self._split = split
        self._numbers: dict[str, int] = {}
        self._counts = np.zeros(1024, np.int64)
        self._since = np.zeros(1024, np.int64)
        self._free: list[int] = []
        self._written = self._least = self._forgotten = 0

    def __missing__(self, string: str) -> bytes:
        numbers = array("i", [self._number(word) for word in self._split(string)]).tobytes()
        self[string] = numbers
        return numbers

    def _number(self, word: str) -> int:
        number = self._numbers.get(word)
        if number is None:
            number = self._free.pop() if self._free else len(self._numbers)
            self._numbers[word] = number
        return number

    def count(self, ids: Integers) -> None:
        """Count numbers that were appended to the stream."""
        found = np.bincount(ids[ids >= 0], minlength=len(self._counts))
        if len(found) > len(self._counts):
            more = np.zeros(2 * len(found) - len(self._counts), np.int64)
            self._counts = np.concatenate([self._counts, more])
            self._since = np.concatenate([self._since, more])
        self._counts[: len(found)] += found
        self._written += len(ids)
        if len(self._numbers) > _MOST_WAITING:
            while len(self._numbers) > 3 * _MOST_WAITING // 4:
                self._forget()
            self.clear()
        elif len(self) > _MOST_STRINGS:
            self.clear()

    def _forget(self) -> None:
        """Forget the words that are rarest so far."""
        self._least += 1
        rare = [word for word, place in self._numbers.items() if self._counts[place] <= self._least]
        freed = [self._numbers.pop(word) for word in rare]
        self._counts[freed] = 0
        self._since[freed] = self._written
        self._free += freed
        self._forgotten += len(rare)

    def corpus(self, stream: Integers, least: int, most: int) -> Corpus:
        """Number the words anew, the most frequent first, and leave the others out."""
        counts = dict(zip(self._numbers, self._counts[[*self._numbers.values()]], strict=True))
        frequent = sorted(word for word, count in counts.items() if count >= least)
        kept = sorted(frequent, key=counts.__getitem__, reverse=True)[:most]
        places = np.full(len(self._counts), -2, np.int32)
        places[[self._numbers[word] for word in kept]] = np.arange(len(kept))
        writer = ArrayWriter(np.int32, "the texts")
        for block in blocks(len(stream)):
            numbers = stream[block]
            ids = np.where(numbers >= 0, places[numbers], np.int32(END))
            ids[self._since[numbers] > np.arange(block.start, block.stop)] = -2
            ids[numbers < 0] = END
            writer.append(ids[ids != -2])
        return Corpus(
            words=kept,
            counts=np.array([counts[word] for word in kept], np.int64),
            ids=writer.finish(),
            texts=0,
            tokens=0,
            rare=self._forgotten + len(counts) - len(kept),
        )
