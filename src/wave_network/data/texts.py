"""Texts as packed UTF-8: one array of bytes for all texts, mapped from a file if it is large."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import IO, Any, Final, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wave_network.errors import OutputError

TEXTS_AT_ONCE: Final = 1_000
_TEXTS_IN_A_PART: Final = 2**14
_BYTES_AT_ONCE: Final = 2**24
_BYTES_IN_MEMORY: Final = 2**25  # texts that are larger go to a temporary file


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
        start = 0
        while start < len(self):
            places = np.arange(start, min(start + TEXTS_AT_ONCE, len(self)))
            sizes = np.cumsum(self.lengths(places))
            places = places[: max(int(np.searchsorted(sizes, _BYTES_AT_ONCE, "right")), 1)]
            yield self._decoded(places)
            start += len(places)

    def parts(self) -> Iterator[Texts]:
        """Yield the texts in order as selections of many, with bytes that fit into memory."""
        ends, start = np.cumsum(self.lengths()), 0
        while start < len(self):
            before = ends[start - 1] if start else 0
            stop = int(np.searchsorted(ends, before + _BYTES_AT_ONCE, "right"))
            stop = max(start + 1, min(stop, start + _TEXTS_IN_A_PART))
            yield self.select(np.arange(start, stop))
            start = stop

    def lengths(self, places: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Return the bytes of all texts, or of those at some places, int64."""
        packed = self.packed_places(places)
        return self.offsets[packed + 1] - self.offsets[packed]

    def select(self, places: ArrayLike) -> Texts:
        """Select texts by index, in the order of the indices; their bytes are shared.

        Raises:
            IndexError: If an index is out of range.
        """
        return Texts(self.data, self.offsets, self.packed_places(checked_places(places, len(self))))

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
    """Collects texts as packed UTF-8.

    Large ones are written to a temporary file without a name, so that nothing is left of it when
    they are no longer used, even if the process is killed.

    Args:
        source: What the texts are from, for messages.
        sharing: How many writers share the memory that texts may take.
    """

    def __init__(self, source: object = "the data", sharing: int = 1) -> None:
        self._source = source
        self._most = _BYTES_IN_MEMORY // sharing
        self._data = bytearray()
        self._lengths = array("q")
        self._file: IO[bytes] | None = None

    def append(self, texts: Sequence[str]) -> None:
        """Append strings; halves of surrogate pairs are joined, or replaced by U+FFFD.

        Raises:
            OutputError: If the temporary folder cannot take them.
        """
        try:
            packed = [text.encode() for text in texts]
        except UnicodeEncodeError:
            packed = [_whole(text).encode() for text in texts]
        self._lengths.extend(map(len, packed))
        self._write(b"".join(packed))

    def append_packed(self, data: NDArray[np.uint8], lengths: NDArray[np.int64]) -> None:
        """Append valid UTF-8.

        Args:
            data: The bytes of the texts, uint8, (bytes,).
            lengths: The bytes of each text, int64, (texts,).

        Raises:
            OutputError: If the temporary folder cannot take them.
        """
        self._lengths.frombytes(lengths.astype(np.int64).tobytes())
        self._write(np.ascontiguousarray(data).data)

    def __del__(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # of what it still had to write to a full disk
                self._file.close()

    def finish(self) -> Texts:
        """Return all texts.

        Raises:
            OutputError: If the temporary folder cannot take them.
        """
        offsets = np.zeros(len(self._lengths) + 1, np.int64)
        np.cumsum(np.frombuffer(self._lengths, np.int64), out=offsets[1:])
        if self._file is None:
            return Texts(np.frombuffer(self._data, np.uint8), offsets)
        import mmap  # only here: predicting starts faster

        try:
            self._file.flush()
            with self._file:
                mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise self._refused(error) from None
        return Texts(np.frombuffer(mapped, np.uint8), offsets)

    def _write(self, data: Any) -> None:  # noqa: ANN401  # any buffer
        if self._file is None and len(self._data) + len(data) <= self._most:
            self._data += data
            return
        try:
            if self._file is None:
                import tempfile  # slow, and seldom needed

                self._file = tempfile.TemporaryFile(prefix="wave-network-")  # noqa: SIM115
                self._file.write(self._data)
                self._data = bytearray()
            self._file.write(data)
        except OSError as error:
            raise self._refused(error) from None

    def _refused(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self._source} cannot be copied to the temporary folder ({error.strerror or error}):"
            " free some space there, or set TMPDIR to another folder"
        )


def join_texts(parts: Sequence[Texts]) -> Texts:
    """Concatenate texts; selections of the same texts share their bytes.

    Raises:
        OutputError: If they are large, and the temporary folder cannot take them.
    """
    first = parts[0]
    if all(part.offsets is first.offsets for part in parts):
        places = np.concatenate([part.packed_places() for part in parts])
        return Texts(first.data, first.offsets, places)
    writer = TextWriter()
    for part in parts:
        if part.places is None:
            writer.append_packed(part.data[part.offsets[0] : part.offsets[-1]], part.lengths())
            continue
        for chunk in part.chunks():
            writer.append(chunk)
    return writer.finish()


def checked_places(places: ArrayLike, count: int) -> NDArray[np.int64]:
    """Return indices of rows as an array, int64.

    Args:
        places: The indices.
        count: Number of rows.

    Raises:
        IndexError: If one is out of range.
    """
    checked = np.array(places, np.int64)
    if len(checked) and not (checked.min() >= 0 and checked.max() < count):
        raise IndexError(f"there are {count} rows, from 0: an index is out of range")
    return checked


def _whole(text: str) -> str:
    """Join pairs of surrogates, and replace lone halves."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
