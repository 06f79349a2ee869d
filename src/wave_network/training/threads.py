"""Run other work in one thread beside training steps, and tell forked processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from typing import Final, TypeVar

from wave_network._native import threads
from wave_network.training.interrupt import StopSignal

T = TypeVar("T")

_SECONDS_BETWEEN_CHECKS: Final = 0.05  # of the stop signal
_IMPORTED_BY: Final = os.getpid()


def is_forked() -> bool:
    """Return whether this process was forked from one that had loaded this module.

    The threads of a parent do not exist in its child, where torch would wait for them for ever.
    """
    return os.getpid() != _IMPORTED_BY


@contextmanager
def in_background(work: Callable[[], T], stop: StopSignal) -> Iterator[Callable[[], T | None]]:
    """Run work in a background thread, and the body with one thread less until it is done.

    With a single thread, the work starts when the body asks for the result.

    Args:
        work: Computes the result, with a single thread.
        stop: Ends the wait for the result.

    Yields:
        A function that waits for the result and returns it; None if a stop is requested meanwhile.
    """
    count = threads.current()

    def alone() -> T:
        with threads.using(1):
            return work()

    with ThreadPoolExecutor(max_workers=1) as pool:
        if count == 1:
            yield lambda: _result(pool.submit(alone), stop)
            return
        future = pool.submit(alone)
        with threads.using(lambda: count if future.done() else count - 1):
            yield partial(_result, future, stop)


def _result(future: Future[T], stop: StopSignal) -> T | None:
    while not stop.take():
        if wait([future], timeout=_SECONDS_BETWEEN_CHECKS).done:
            return future.result()
    return None
