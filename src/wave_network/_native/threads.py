"""How many threads compiled functions may use; their results never depend on it."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Final

_MEMBERSHIP: Final = Path("/proc/self/cgroup")
_CGROUPS: Final = Path("/sys/fs/cgroup")

_chosen: ContextVar[int | Callable[[], int] | None] = ContextVar("threads", default=None)


def available() -> int:
    """Return the cores that this process may use: its affinity and its cgroup's limit, at least 1.

    Variables such as `OMP_NUM_THREADS` do not count: they are about other libraries.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, min(cores, _limit_of_process()))


def current() -> int:
    """Return the number of threads to use here: that of `using`, or all that are available."""
    chosen = _chosen.get()
    if chosen is None:
        return available()
    return chosen() if callable(chosen) else chosen


@contextmanager
def using(count: int | Callable[[], int] | None) -> Iterator[None]:
    """Use a number of threads inside the block; it holds for this thread or task alone.

    Args:
        count: The number of threads, at least 1; or a function that gives it whenever it is asked
            for. None: as many as outside of the block.

    Raises:
        ValueError: The number is below 1.
    """
    if isinstance(count, int) and count < 1:
        raise ValueError(f"the number of threads must be at least 1; got {count}")
    token = _chosen.set(_chosen.get() if count is None else count)
    try:
        yield
    finally:
        _chosen.reset(token)


@cache
def _limit_of_process() -> int:
    limit = cgroup_limit(_MEMBERSHIP, _CGROUPS)
    return os.cpu_count() or 1 if limit is None else limit


def cgroup_limit(membership: Path, root: Path) -> int | None:
    """Return the cores that control groups allow, rounded up; None without a limit.

    Args:
        membership: The groups of a process, such as `/proc/self/cgroup`.
        root: Where they are mounted.
    """
    quotas = []
    for line in _read(membership).splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount = root / "cpu" if controllers else root  # version 1 or 2
        place = mount / group.lstrip("/")
        # Inside a container the path may be the host's, which is not mounted here.
        for folder in (place, *place.parents):
            quotas.append(_quota(folder))
            if folder == mount:
                break
    limits = [quota for quota in quotas if quota is not None]
    return max(1, math.ceil(min(limits))) if limits else None


def _quota(folder: Path) -> float | None:
    """Return the cores that one group may use; None without a limit."""
    numbers = _read(folder / "cpu.max").split()
    if not numbers:
        numbers = [_read(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
    try:
        quota, period = map(int, numbers)
    except ValueError:  # "max", or no such files
        return None
    return quota / period if quota > 0 and period > 0 else None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
