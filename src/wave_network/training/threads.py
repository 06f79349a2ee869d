"""Run other work in one thread beside training steps, and train in forked processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import Final, TypeVar

import torch

from wave_network.training.interrupt import StopSignal

T = TypeVar("T")

_SECONDS_BETWEEN_CHECKS: Final = 0.05  # of the stop signal
_IMPORTED_BY: Final = os.getpid()


class _Threads:
    """How many threads torch uses, while some fits use one less.

    torch remembers the last number that any thread has set, and starts new threads with it.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._fits = 0
        self._usual = 0

    def usual(self) -> int:
        """Return the number that this thread uses outside of `one_less`."""
        with self._lock:
            return self._usual if self._fits else torch.get_num_threads()

    @contextmanager
    def one_less(self) -> Iterator[None]:
        """Let this thread use one less than usual."""
        usual = self.usual()
        with self._lock:
            self._fits, self._usual = self._fits + 1, usual
        torch.set_num_threads(max(1, usual - 1))
        try:
            yield
        finally:
            torch.set_num_threads(usual)
            with self._lock:
                self._fits -= 1


_threads: Final = _Threads()


def prepare_threads() -> None:
    """Let this thread use as many threads of torch as any; one, in a forked process.

    The threads of a parent do not exist in its child, which would wait for them for ever.
    """
    forked = os.getpid() != _IMPORTED_BY
    threads = 1 if forked else _threads.usual()
    if threads != torch.get_num_threads():
        torch.set_num_threads(threads)


@contextmanager
def in_background(work: Callable[[], T], stop: StopSignal) -> Iterator[Callable[[], T | None]]:
    """Run work in a background thread while the body trains with one thread less.

    Training steps gain little from the last thread, and waiting for it would slow both. With a
    single thread, the work starts when the body asks for the result.

    Args:
        work: Computes the result.
        stop: Ends the wait for the result.

    Yields:
        A function that waits for the result and returns it; None if a stop is requested meanwhile.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        if torch.get_num_threads() == 1:
            yield lambda: _result(pool.submit(work), stop)
            return
        with _threads.one_less():
            yield partial(_result, pool.submit(work), stop)


def _result(future: Future[T], stop: StopSignal) -> T | None:
    while not stop.take():
        if wait([future], timeout=_SECONDS_BETWEEN_CHECKS).done:
            return future.result()
    return None
