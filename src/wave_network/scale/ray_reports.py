"""Tell the progress of a training on a Ray cluster in the process that asked for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import ray

from wave_network.training.callbacks import Progress

if TYPE_CHECKING:
    from wave_network.data.summary import DataSummary

Call: TypeAlias = tuple[str, tuple[Any, ...]]
"""A method of `Progress`, and its arguments."""

_APART: Final = 0.5  # seconds between two reports


class Reports:
    """An actor that collects the progress of the main process until the asking one takes it."""

    def __init__(self) -> None:
        self._calls: list[Call] = []

    def add(self, calls: list[Call]) -> None:
        """Add calls of methods of `Progress`."""
        self._calls += calls

    def take(self) -> list[Call]:
        """Return the calls since the last time."""
        calls, self._calls = self._calls, []
        return calls


class Reporter(Progress):
    """Sends what it is told to `Reports`; steps at most twice a second."""

    def __init__(self, reports: Any) -> None:  # noqa: ANN401
        self._reports, self._sent = reports, time.monotonic()
        self._calls: list[Call] = []

    def flush(self) -> None:
        """Send what is not sent yet."""
        ray.get(self._reports.add.remote(self._calls))
        self._calls, self._sent = [], time.monotonic()

    def _tell(self, method: str, *arguments: object) -> None:
        self._calls.append((method, arguments))
        if time.monotonic() - self._sent >= _APART:
            self.flush()

    def stage(self, name: str, total: int | None = None) -> None:
        """See `Progress`."""
        self._tell("stage", name, total)

    def advance(self, count: int) -> None:
        """See `Progress`."""
        self._tell("advance", count)

    def data(self, summary: DataSummary) -> None:
        """See `Progress`."""
        self._tell("data", summary)

    def expect_linear_part(self) -> None:
        """See `Progress`."""
        self._tell("expect_linear_part")

    def start(self, steps: int, epochs: int) -> None:
        """See `Progress`."""
        self._tell("start", steps, epochs)

    def step(self, loss: float) -> None:
        """See `Progress`."""
        self._tell("step", loss)

    def epoch(self, record: dict[str, Any]) -> None:
        """See `Progress`."""
        self._tell("epoch", record)

    def linear_part(self, metrics: dict[str, float]) -> None:
        """See `Progress`."""
        self._tell("linear_part", metrics)


@contextmanager
def told(reports: Any, progress: Progress) -> Iterator[None]:  # noqa: ANN401
    """Tell a progress of this process what the main process of the cluster reports."""
    ended = Event()

    def tell() -> None:
        for method, arguments in ray.get(reports.take.remote()):
            getattr(progress, method)(*arguments)

    def follow() -> None:
        while not ended.wait(_APART):
            tell()

    thread = Thread(target=copy_context().run, args=(follow,), name="reports", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    tell()
