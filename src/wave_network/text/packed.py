"""Texts packed as UTF-8, the form that compiled code reads, without the interpreter's lock."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import accumulate, islice
from typing import Final, NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

_TEXTS_AT_ONCE: Final = 2**15
_TEXTS_A_STEP: Final = 512
_CHARACTERS_AT_ONCE: Final = 2**22


@runtime_checkable
class Utf8Texts(Protocol):
    """Texts as UTF-8: text `i` is `data[offsets[p]:offsets[p + 1]]` with p = `places[i]`.

    Without places it is text `i` of all. The class that reads files has these arrays.
    """

    @property
    def data(self) -> NDArray[np.uint8]:
        """The bytes of all texts, valid UTF-8."""

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Where each text starts in `data`, and where the last one ends, (all texts + 1,)."""

    @property
    def places(self) -> NDArray[np.int64] | None:
        """Which of them are the texts, in order; None for all of them."""


class Chunk(NamedTuple):
    """A part of some texts, as `Utf8Texts`."""

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    places: NDArray[np.int64] | None = None

    def selected(self, places: NDArray[np.int64]) -> Chunk:
        """Return some of the texts."""
        return self._replace(places=places if self.places is None else self.places[places])

    def strings(self, characters: int) -> list[str]:
        """Return the first characters of each text."""
        starts, ends = self.offsets[:-1], self.offsets[1:]
        if self.places is not None:
            starts, ends = starts[self.places], ends[self.places]
        # a character has at most four bytes; the last one may be cut in two
        ends = np.minimum(ends, starts + 4 * min(characters, 2**60))
        data = self.data.data  # slices of a memoryview are cheaper than those of an array
        return [
            str(data[start:end], "utf-8", "ignore")[:characters]
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        ]


AnyTexts: TypeAlias = Iterable[str] | Utf8Texts


def chunks_of(texts: AnyTexts, characters: int) -> Iterator[Chunk]:
    """Pack texts in parts that are bounded in number and in memory.

    Args:
        texts: Strings, or texts that are packed already, which are not copied.
        characters: How many of a text are read. Strings are cut; texts that are packed are not.
    """
    # A list is told from packed texts first: looking for their attributes takes as long as a text.
    if not isinstance(texts, list) and isinstance(texts, Utf8Texts):
        yield from _parts(texts)
    else:
        for strings in lists_of(texts, characters):
            yield pack(strings)


def lists_of(
    texts: Iterable[str], characters: int, most: int = _TEXTS_AT_ONCE
) -> Iterator[list[str]]:
    """Cut texts to so many characters, in groups of about `most` that fit into memory."""
    rest = iter(texts)
    step = max(1, min(most, _TEXTS_A_STEP, 4 * _CHARACTERS_AT_ONCE // max(characters, 1)))
    chunk: list[str] = []
    total = 0
    while more := [text[:characters] for text in islice(rest, step)]:
        chunk += more
        total += sum(map(len, more))
        if len(chunk) >= most or total >= _CHARACTERS_AT_ONCE:
            yield chunk
            chunk, total = [], 0
    if chunk:
        yield chunk


def strings_of(
    texts: list[str] | Utf8Texts, places: NDArray[np.int64] | None = None
) -> Iterator[str]:
    """Yield texts as strings; those at the places if they are given."""
    if isinstance(texts, list):
        yield from texts if places is None else (texts[place] for place in places.tolist())
        return
    chunk = Chunk(texts.data, texts.offsets, texts.places)
    for part in _parts(chunk if places is None else chunk.selected(places)):
        yield from part.strings(sys.maxsize)


def pack(texts: list[str]) -> Chunk:
    """Pack strings. Surrogate pairs are joined; remaining halves become U+FFFD."""
    try:
        encoded = list(map(str.encode, texts))
    except UnicodeEncodeError:
        encoded = [repaired(text).encode() for text in texts]
    ends = accumulate(map(len, encoded), initial=0)
    offsets = np.fromiter(ends, np.int64, len(encoded) + 1)
    return Chunk(np.frombuffer(b"".join(encoded), np.uint8), offsets)


def repaired(text: str) -> str:
    """Join surrogate pairs, and replace remaining halves by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _parts(texts: Utf8Texts) -> Iterator[Chunk]:
    """Cut packed texts into parts of at most so many texts, and of about so many bytes."""
    data, offsets, places = texts.data, texts.offsets, texts.places
    count = len(offsets) - 1 if places is None else len(places)
    start = 0
    while start < count:
        most = min(start + _TEXTS_AT_ONCE, count)
        if places is None:
            lengths = np.diff(offsets[start : most + 1])
        else:
            chosen = np.ascontiguousarray(places[start:most])
            lengths = offsets[chosen + 1] - offsets[chosen]
        fitting = int(np.searchsorted(np.cumsum(lengths), _CHARACTERS_AT_ONCE, side="right"))
        stop = start + max(1, fitting)
        if places is None:
            yield Chunk(data, offsets[start : stop + 1])
        else:
            yield Chunk(data, offsets, chosen[: stop - start])
        start = stop
