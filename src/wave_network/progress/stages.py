"""Stages of work that take a while, for whoever shows them.

Code that works for long says `with stage("reading")` or iterates over `tracked(texts, "reading")`.
Where nothing is shown, as in library use, this costs next to nothing.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import IO, Final, Protocol, TypeVar

from wave_network.errors import printable

T = TypeVar("T")


class Stage:
    """A stage of work, and how much of it is done.

    Args:
        name: What is done, such as `reading tickets.csv`. Empty for a part of the stage around it.
        total: How many units there are; None: unknown.
        unit: The units that are counted.
        seconds: How long the stage may take; None: as long as it needs.

    Attributes:
        done: How many units are done.
        detail: What else to show, such as the loss.
    """

    __slots__ = (
        *("_file", "_share", "_size", "detail", "done", "name"),
        *("seconds", "started", "total", "unit"),
    )

    def __init__(
        self,
        name: str,
        total: int | None = None,
        unit: str = "texts",
        seconds: float | None = None,
    ) -> None:
        self.name = name
        self.total = total
        self.unit = unit
        self.seconds = seconds
        self.done = 0
        self.detail = ""
        self.started = time.perf_counter()
        self._file: IO[bytes] | None = None
        self._size = 0
        self._share = 0.0

    def advance(self, count: int = 1) -> None:
        """Count more units as done."""
        self.done += count

    def follow(self, file: IO[bytes]) -> None:
        """Measure the stage by how much of a file is read, if there is no total.

        Args:
            file: An open file. Only a regular one has an end to measure by.
        """
        try:
            found = os.fstat(file.fileno())
        except OSError:
            return
        if stat.S_ISREG(found.st_mode) and found.st_size:
            self._file, self._size = file, found.st_size

    def reach(self, share: float) -> None:
        """Say how much of the stage is done, 0 to 1, where neither a total nor a file tells it."""
        self._share = share

    @property
    def elapsed(self) -> float:
        """Seconds since the stage began."""
        return time.perf_counter() - self.started

    @property
    def share(self) -> float | None:
        """How much of the stage is done, 0 to 1; None if that is unknown."""
        if self.total is None and self.seconds is None:
            return self._share_read()
        counted = self.done / self.total if self.total else 0.0
        passed = self.elapsed / self.seconds if self.seconds else 0.0
        return min(1.0, max(counted, passed))

    @property
    def left(self) -> float | None:
        """About how many seconds are left; None if that is unknown."""
        share = self.share
        return self.elapsed * (1 - share) / share if share else None

    def _share_read(self) -> float | None:
        if self._file is None:
            return self._share or None
        try:
            # Asked of the system: a reader's own position must not be touched from another thread.
            place = os.lseek(self._file.fileno(), 0, os.SEEK_CUR)
        except (OSError, ValueError):  # it is closed by now
            return self._share
        self._share = min(1.0, place / self._size)
        return self._share


class Shower(Protocol):
    """Shows stages and lines."""

    def begin(self, stage: Stage) -> None:
        """Show a stage, within those that run."""

    def end(self, stage: Stage) -> None:
        """Show a stage no more."""

    def measured(self) -> Stage | None:
        """Return the innermost stage; None if there is none."""

    def say(self, line: str) -> None:
        """Print a line."""


class _Nobody:
    """Shows nothing."""

    def begin(self, stage: Stage) -> None:
        pass

    end = begin

    def measured(self) -> None:
        pass

    def say(self, line: str) -> None:
        pass


NOBODY: Final[Shower] = _Nobody()
"""Shows nothing."""
shower: ContextVar[Shower] = ContextVar("shower", default=NOBODY)
"""Shows the stages that begin in this context."""


@contextmanager
def stage(
    name: str, total: int | None = None, unit: str = "texts", seconds: float | None = None
) -> Iterator[Stage]:
    """Run a stage; the arguments are those of `Stage`."""
    running, showing = Stage(name, total, unit, seconds), shower.get()
    showing.begin(running)
    try:
        yield running
    finally:
        showing.end(running)


def tracked(
    values: Iterable[T],
    name: str = "",
    total: int | None = None,
    unit: str = "texts",
    units_in: Callable[[T], int] | None = None,
) -> Iterator[T]:
    """Iterate over values in a stage that counts them.

    Args:
        values: What to iterate over.
        name: As for `Stage`.
        total: As for `Stage`.
        unit: As for `Stage`.
        units_in: Counts the units in a value; None: each is one.
    """
    with stage(name, total, unit) as running:
        for value in values:
            yield value
            running.done += 1 if units_in is None else units_in(value)


def follow(file: IO[bytes]) -> None:
    """Measure the innermost stage by how much of an open file is read, if it has no total."""
    if running := shower.get().measured():
        running.follow(file)


def expect(total: int) -> None:
    """Set the total of the innermost stage, if it has none."""
    running = shower.get().measured()
    if running and running.total is None:
        running.total = total


def say(line: str) -> None:
    """Print a line where stages are shown."""
    shower.get().say(printable(line))
