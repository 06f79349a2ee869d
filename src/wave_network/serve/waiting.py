"""What waits for an answer, bounded: a worker that has too much to do says so at once."""

from __future__ import annotations

from types import TracebackType
from typing import Final

from wave_network.serve.limits import Limits
from wave_network.serve.refusal import busy

_SMALL: Final = 2**16
"""Bytes of a body that count for nothing: the number of connections bounds them."""


class Waiting:
    """The texts and bytes of all requests that a worker has not answered yet.

    Args:
        limits: How many there may be.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.texts = 0
        self.bytes = 0

    def take_texts(self, count: int) -> None:
        """Let texts wait.

        Raises:
            RefusedError: 429, if too many wait already.
        """
        if self.texts + count > self._limits.waiting_texts:
            raise busy(f"{self.texts:,} texts wait already")
        self.texts += count

    def take_bytes(self, count: int) -> None:
        """Keep bytes of a body in memory.

        Raises:
            RefusedError: 429, if there are too many already.
        """
        if self.bytes + count > self._limits.waiting_bytes:
            raise busy("too many large requests wait already")
        self.bytes += count


class Place:
    """The place of one request among those that wait; it is free again at the end of the block.

    Args:
        waiting: All that wait.
    """

    __slots__ = ("_bytes", "_size", "_texts", "_waiting")

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self._size = 0
        self._bytes = 0
        self._texts = 0

    def __enter__(self) -> Place:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._waiting.texts -= self._texts
        self._waiting.bytes -= self._bytes

    def add_bytes(self, count: int) -> int:
        """Keep more bytes of the body, and return how many it has by now.

        Raises:
            RefusedError: 429, if there are too many of large bodies already.
        """
        self._size += count
        if self._size > _SMALL:
            more = self._size - self._bytes
            self._waiting.take_bytes(more)
            self._bytes += more
        return self._size

    def add_texts(self, count: int) -> None:
        """Wait with that many texts.

        Raises:
            RefusedError: 429, if too many wait already.
        """
        self._waiting.take_texts(count)
        self._texts += count
