"""Run other work in one thread beside training steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Event
from typing import Final, TypeVar

from wave_network._native import threads
from wave_network.training.interrupt import StopSignal

T = TypeVar("T")

_SECONDS_BETWEEN_CHECKS: Final = 0.05  # of the stop signal


@contextmanager
def in_background(work: Callable[[], T], stop: StopSignal) -> Iterator[Callable[[], T | None]]:
    """Run work in a background thread, which leaves all threads but one to the body.

    When one of both waits for the other, or has ended, that one has all threads. With a single
    thread, the work starts when the body asks for the result.

    Args:
        work: Computes the result.
        stop: Ends the wait for the result.

    Yields:
        A function that waits for the result and returns it; None if a stop is requested meanwhile.
    """
    count, asked = threads.current(), Event()

    def beside() -> T:
        with threads.using(lambda: count if asked.is_set() else 1):
            return work()

    with ThreadPoolExecutor(max_workers=1) as pool:
        if count == 1:
            yield lambda: _result(pool.submit(beside), stop)
            return
        future = pool.submit(beside)

        def result() -> T | None:
            asked.set()
            return _result(future, stop)

        with threads.using(lambda: count if future.done() else count - 1):
            yield result


def _result(future: Future[T], stop: StopSignal) -> T | None:
    while not stop.take():
        if wait([future], timeout=_SECONDS_BETWEEN_CHECKS).done:
            return future.result()
    return None
