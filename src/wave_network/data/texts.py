"""Texts as packed UTF-8: one array of bytes for all texts, mapped from a file if it is large."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Final, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wave_network.scale.arrays import ArrayWriter, OffsetWriter, blocks, joined, take

TEXTS_AT_ONCE: Final = 1_000
_TEXTS_IN_A_PART: Final = 2**14
_BYTES_AT_ONCE: Final = 2**24


class Texts(Sequence[str]):
    """Texts as packed UTF-8, or a selection of them that shares their bytes.

    Args:
        data: The bytes of all texts, uint8, (bytes,).
        offsets: Where each text starts, and the end of the last, int64, (texts + 1,).
        places: The texts that are selected, in this order, int64, (selected,); None: all.
    """

    __slots__ = ("data", "offsets", "places")

    def __init__(
        self,
        data: NDArray[np.uint8],
        offsets: NDArray[np.int64],
        places: NDArray[np.int64] | None = None,
    ) -> None:
        self.data = data
        self.offsets = offsets
        self.places = places

    @classmethod
    def of(cls, texts: Iterable[str]) -> Texts:
        """Pack strings; halves of surrogate pairs are joined, or replaced by U+FFFD.

        Raises:
            OutputError: If they are large, and the temporary folder cannot take them.
        """
        if isinstance(texts, Texts):
            return texts
        writer, remaining = TextWriter(), iter(texts)
        while chunk := list(islice(remaining, TEXTS_AT_ONCE)):
            writer.append(chunk)
        return writer.finish()

    def __len__(self) -> int:
        return len(self.offsets) - 1 if self.places is None else len(self.places)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        places = range(len(self))[index]
        if isinstance(places, range):
            return self._decoded(np.fromiter(places, np.int64, len(places)))
        return self._decoded(np.array([places]))[0]

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(self.chunks())

    def chunks(self) -> Iterator[list[str]]:
        """Yield the texts in order, a thousand at a time, or fewer if they are long."""
        for start, stop in self._bounds(TEXTS_AT_ONCE):
            yield self._decoded(np.arange(start, stop))

    def parts(self) -> Iterator[Texts]:
        """Yield the texts in order as selections of many, with bytes that fit into memory."""
        for start, stop in self._bounds(_TEXTS_IN_A_PART):
            places = None if self.places is None else self.places[start:stop]
            offsets = self.offsets[start : stop + 1] if places is None else self.offsets
            yield Texts(self.data, offsets, places)

    def _bounds(self, most: int) -> Iterator[tuple[int, int]]:
        """Yield the bounds of parts of at most so many texts, and bytes that fit into memory."""
        start = 0
        while start < len(self):
            sizes = np.cumsum(self.lengths(np.arange(start, min(start + most, len(self)))))
            stop = start + max(int(np.searchsorted(sizes, _BYTES_AT_ONCE, "right")), 1)
            yield start, stop
            start = stop

    def spread(self, most_bytes: int) -> Texts:
        """Return all texts, or some that are spread evenly over them, of about so many bytes."""
        size = sum(
            int(self.lengths(np.arange(*block.indices(len(self)))).sum())
            for block in blocks(len(self))
        )
        step = -(-size // most_bytes)
        return self if step <= 1 else self.select(np.arange(0, len(self), step))

    def lengths(self, places: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Return the bytes of all texts, or of those at some places, int64."""
        packed = self.packed_places(places)
        return self.offsets[packed + 1] - self.offsets[packed]

    def select(self, places: ArrayLike) -> Texts:
        """Select texts by index, in the order of the indices; their bytes are shared.

        Raises:
            IndexError: If an index is out of range.
        """
        chosen = checked_places(places, len(self))
        packed = chosen if self.places is None else take(self.places, chosen)
        return Texts(self.data, self.offsets, packed)

    def packed_places(self, places: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Return where all texts, or those at some places, are in `offsets`, int64."""
        if self.places is None:
            return np.arange(len(self.offsets) - 1, dtype=np.int64) if places is None else places
        return self.places if places is None else self.places[places]

    def _decoded(self, places: NDArray[np.int64]) -> list[str]:
        packed, view = self.packed_places(places), self.data.data
        starts, ends = self.offsets[packed].tolist(), self.offsets[packed + 1].tolist()
        return [str(view[start:end], "utf-8") for start, end in zip(starts, ends, strict=True)]


class TextWriter:
    """Collects texts as packed UTF-8; large ones are written to a temporary file.

    Args:
        source: What the texts are from, for messages.
    """

    def __init__(self, source: object = "the data") -> None:
        self._data = ArrayWriter(np.uint8, source)
        self._offsets = OffsetWriter(source)

    def append(self, texts: Sequence[str]) -> None:
        """Append strings; halves of surrogate pairs are joined, or replaced by U+FFFD.

        Raises:
            OutputError: If the temporary folder cannot take them.
        """
        try:
            packed = [text.encode() for text in texts]
        except UnicodeEncodeError:
            packed = [_whole(text).encode() for text in texts]
        lengths = np.fromiter(map(len, packed), np.int64, len(packed))
        self.append_packed(np.frombuffer(b"".join(packed), np.uint8), lengths)

    def append_packed(self, data: NDArray[np.uint8], lengths: NDArray[np.int64]) -> None:
        """Append valid UTF-8.

        Args:
            data: The bytes of the texts, uint8, (bytes,).
            lengths: The bytes of each text, int64, (texts,).

        Raises:
            OutputError: If the temporary folder cannot take them.
        """
        self._offsets.append(lengths)
        self._data.append(data)

    def append_texts(self, texts: Texts) -> None:
        """Append texts that are packed.

        Raises:
            OutputError: If the temporary folder cannot take them.
        """
        if texts.places is not None:
            for chunk in texts.chunks():
                self.append(chunk)
            return
        for block in blocks(len(texts)):
            offsets = texts.offsets[block.start : block.stop + 1]
            self.append_packed(texts.data[offsets[0] : offsets[-1]], np.diff(offsets))

    def finish(self) -> Texts:
        """Return all texts.

        Raises:
            OutputError: If the temporary folder cannot take them.
        """
        data = self._data.finish()
        data.flags.writeable = False
        return Texts(data, self._offsets.finish())


def join_texts(parts: Sequence[Texts]) -> Texts:
    """Concatenate texts; selections of the same texts share their bytes.

    Raises:
        OutputError: If they are large, and the temporary folder cannot take them.
    """
    first = parts[0]
    if all(part.offsets is first.offsets for part in parts):
        return Texts(first.data, first.offsets, joined([part.packed_places() for part in parts]))
    writer = TextWriter()
    for part in parts:
        writer.append_texts(part)
    return writer.finish()


def checked_places(places: ArrayLike, count: int) -> NDArray[np.int64]:
    """Return indices of rows as an array, int64.

    Args:
        places: The indices.
        count: Number of rows.

    Raises:
        IndexError: If one is out of range.
    """
    checked = np.asarray(places, np.int64)
    if len(checked) and not (checked.min() >= 0 and checked.max() < count):
        raise IndexError(f"there are {count} rows, from 0: an index is out of range")
    return checked


def _whole(text: str) -> str:
    """Join pairs of surrogates, and replace lone halves."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
