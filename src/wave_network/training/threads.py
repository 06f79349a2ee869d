"""Run other work in one thread beside training steps, and train in forked processes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from threading import Lock
from types import ModuleType
from typing import Final, TypeVar

from wave_network._native import threads
from wave_network.training.interrupt import StopSignal

T = TypeVar("T")

_SECONDS_BETWEEN_CHECKS: Final = 0.05  # of the stop signal
_IMPORTED_BY: Final = os.getpid()


def _torch() -> ModuleType | None:
    """Return torch if something else has loaded it."""
    return sys.modules.get("torch")


class _TorchThreads:
    """How many threads torch uses, while some fits use one less.

    torch remembers the last number that any thread has set, and starts new threads with it.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._fits = 0
        self._usual = 0

    def usual(self, torch: ModuleType) -> int:
        """Return the number that this thread uses outside of `one_less`."""
        with self._lock:
            return self._usual if self._fits else int(torch.get_num_threads())

    @contextmanager
    def one_less(self, torch: ModuleType) -> Iterator[None]:
        """Let this thread use one less than usual."""
        usual = self.usual(torch)
        with self._lock:
            self._fits, self._usual = self._fits + 1, usual
        torch.set_num_threads(max(1, usual - 1))
        try:
            yield
        finally:
            torch.set_num_threads(usual)
            with self._lock:
                self._fits -= 1


_torch_threads: Final = _TorchThreads()


def prepare_threads() -> None:
    """Let this thread use as many threads of a loaded torch as any; one, in a forked process.

    The threads of a parent do not exist in its child, which would wait for them for ever.
    """
    torch = _torch()
    if torch is None:
        return
    forked = os.getpid() != _IMPORTED_BY
    count = 1 if forked else _torch_threads.usual(torch)
    if count != torch.get_num_threads():
        torch.set_num_threads(count)


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
        with threads.using(lambda: count if future.done() else count - 1), _torch_beside():
            yield partial(_result, future, stop)


def _torch_beside() -> AbstractContextManager[None]:
    torch = _torch()
    return nullcontext() if torch is None else _torch_threads.one_less(torch)


def _result(future: Future[T], stop: StopSignal) -> T | None:
    while not stop.take():
        if wait([future], timeout=_SECONDS_BETWEEN_CHECKS).done:
            return future.result()
    return None
