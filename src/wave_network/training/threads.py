"""Run other work in one thread while training steps use the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from typing import Final, TypeVar

import torch

from wave_network.training.interrupt import StopSignal

T = TypeVar("T")

_SECONDS_BETWEEN_CHECKS: Final = 0.05  # of the stop signal


@contextmanager
def in_background(work: Callable[[], T], stop: StopSignal) -> Iterator[Callable[[], T | None]]:
    """Run work in a background thread while the body trains with one thread less.

    Training steps gain little from the last thread. With a single thread, the work starts when the
    body asks for the result.

    Args:
        work: Computes the result.
        stop: Ends the wait for the result.

    Yields:
        A function that waits for the result and returns it; None if a stop is requested meanwhile.
    """
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(max_workers=1) as pool:
        if threads == 1:
            yield lambda: _result(pool.submit(work), stop)
            return
        torch.set_num_threads(threads - 1)
        try:
            yield partial(_result, pool.submit(work), stop)
        finally:
            torch.set_num_threads(threads)


def _result(future: Future[T], stop: StopSignal) -> T | None:
    while not stop.take():
        if wait([future], timeout=_SECONDS_BETWEEN_CHECKS).done:
            return future.result()
    return None
