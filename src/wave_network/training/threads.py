"""Run other work in one thread beside training steps, and train in forked processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from typing import Final, TypeVar

import torch

from wave_network.training.interrupt import StopSignal

T = TypeVar("T")

_SECONDS_BETWEEN_CHECKS: Final = 0.05  # of the stop signal
_IMPORTED_BY: Final = os.getpid()


def survive_fork() -> None:
    """Let torch use one thread from now on, if this process is a fork of one that had torch.

    The threads of the parent do not exist in the child, which would wait for them for ever.
    """
    if os.getpid() != _IMPORTED_BY and torch.get_num_threads() > 1:
        torch.set_num_threads(1)


@contextmanager
def in_background(work: Callable[[], T], stop: StopSignal) -> Iterator[Callable[[], T | None]]:
    """Run work in a background thread while the body trains.

    With a single thread, the work starts when the body asks for the result.

    Args:
        work: Computes the result.
        stop: Ends the wait for the result.

    Yields:
        A function that waits for the result and returns it; None if a stop is requested meanwhile.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        if torch.get_num_threads() == 1:
            yield lambda: _result(pool.submit(work), stop)
        else:
            yield partial(_result, pool.submit(work), stop)


def _result(future: Future[T], stop: StopSignal) -> T | None:
    while not stop.take():
        if wait([future], timeout=_SECONDS_BETWEEN_CHECKS).done:
            return future.result()
    return None
