"""Arrays that may be larger than memory: small ones are in memory, large ones mapped from a file.

A file is temporary and has no name, so that nothing is left of it when its array is no longer used,
even if the process is killed. Its pages are in the system's page cache, which gives them up when
memory is short. The values are the same wherever an array is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Any, Final, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from wave_network.errors import OutputError

Scalar = TypeVar("Scalar", bound=np.generic)

BYTES_IN_MEMORY: Final = 2**25
"""Larger arrays are in a file. Small enough that a dozen of them are no matter."""

AT_ONCE: Final = 2**18
"""Values that are computed at once: what bounds the memory beside the result."""


class ArrayWriter:
    """Collects an array along its first axis; a large one is written to a file on the way.

    Args:
        dtype: Of the values.
        source: What they are from, for messages.
        row: The shape of a value.
    """

    def __init__(
        self, dtype: DTypeLike, source: object = "the data", row: tuple[int, ...] = ()
    ) -> None:
        self._dtype, self._row = np.dtype(dtype), row
        self._source = source
        self._most = BYTES_IN_MEMORY
        self._data = bytearray()
        self._file: IO[bytes] | None = None

    def append(self, values: NDArray[Any]) -> None:
        """Append values, which are converted to the type of the array.

        Raises:
            OutputError: If the temporary folder cannot take them.
        """
        values = np.ascontiguousarray(values, self._dtype)
        if self._file is None and len(self._data) + values.nbytes <= self._most:
            self._data += values.tobytes()
            return
        try:
            if self._file is None:
                import tempfile  # slow, and seldom needed

                self._file = tempfile.TemporaryFile(prefix="wave-network-")  # noqa: SIM115
                self._file.write(self._data)
                self._data = bytearray()
            self._file.write(values.reshape(-1).view(np.uint8).data)
        except OSError as error:
            raise self._refused(error) from None

    def __del__(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # of what it still had to write to a full disk
                self._file.close()

    def finish(self) -> NDArray[Any]:
        """Return the array.

        Raises:
            OutputError: If the temporary folder cannot take it.
        """
        buffer: Any = self._data
        if self._file is not None:
            import mmap  # only here: predicting starts faster

            try:
                self._file.flush()
                with self._file:
                    buffer = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_WRITE)
            except OSError as error:
                raise self._refused(error) from None
        return np.frombuffer(buffer, self._dtype).reshape(-1, *self._row)

    def _refused(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self._source} cannot be copied to the temporary folder ({error.strerror or error}):"
            " free some space there, or set TMPDIR to another folder"
        )


class OffsetWriter:
    """Collects the offsets of rows laid end to end, from their lengths.

    Args:
        source: As for `ArrayWriter`.
    """

    def __init__(self, source: object = "the data") -> None:
        self._offsets = ArrayWriter(np.int64, source)
        self._offsets.append(np.zeros(1, np.int64))
        self._end = 0

    def append(self, lengths: NDArray[np.integer]) -> None:
        """Append the lengths of some rows.

        Raises:
            OutputError: If the temporary folder cannot take them.
        """
        if len(lengths):
            ends = np.cumsum(lengths, dtype=np.int64) + self._end
            self._offsets.append(ends)
            self._end = int(ends[-1])

    def finish(self) -> NDArray[np.int64]:
        """Return where each row starts, and the end of the last, int64, (rows + 1,).

        Raises:
            OutputError: If the temporary folder cannot take them.
        """
        return self._offsets.finish()


def blocks(count: int, size: int | None = None) -> Iterator[slice]:
    """Yield blocks of so many values, in order; of `AT_ONCE` if no size is given."""
    size = size or AT_ONCE
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def take(values: NDArray[Scalar], places: NDArray[np.integer]) -> NDArray[Scalar]:
    """Return `values[places]`, along the first axis.

    Raises:
        OutputError: If it is large, and the temporary folder cannot take it.
    """
    if len(places) * values[:1].nbytes <= BYTES_IN_MEMORY:
        chosen: NDArray[Scalar] = values[places]
        return chosen
    writer = ArrayWriter(values.dtype, row=values.shape[1:])
    for block in blocks(len(places)):
        writer.append(values[places[block]])
    return writer.finish()


def flatnonzero(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the places of the flags that are set, in order, int64.

    Raises:
        OutputError: If they are many, and the temporary folder cannot take them.
    """
    writer = ArrayWriter(np.int64)
    for block in blocks(len(flags)):
        writer.append(np.flatnonzero(flags[block]) + block.start)
    return writer.finish()


def joined(parts: list[NDArray[Scalar]]) -> NDArray[Scalar]:
    """Concatenate arrays.

    Raises:
        OutputError: If they are large, and the temporary folder cannot take them.
    """
    first = parts[0]
    writer = ArrayWriter(first.dtype, row=first.shape[1:])
    for part in parts:
        for block in blocks(len(part)):
            writer.append(part[block])
    return writer.finish()


def permutation(count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Return `generator.permutation(count)`.

    Raises:
        OutputError: If it is large, and the temporary folder cannot take it.
    """
    if count * 8 <= BYTES_IN_MEMORY:
        return generator.permutation(count)
    writer = ArrayWriter(np.int64)
    for block in blocks(count):
        writer.append(np.arange(block.start, block.stop))
    order: NDArray[np.int64] = writer.finish()
    generator.shuffle(order)
    return order
