"""Run the trials of a search in parallel, as tasks on a Ray cluster that already runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import optuna
import ray

from wave_network.config import Preset
from wave_network.data import TrainingData
from wave_network.errors import ConfigError, WaveNetworkError, first_line
from wave_network.training.callbacks import Progress
from wave_network.training.fit import fit
from wave_network.training.interrupt import StopSignal
from wave_network.training.recipe import Recipe
from wave_network.tuning.run import Attempt, Search


def in_parallel(threads: int | None) -> Callable[[Search], Iterator[None]]:
    """Return what runs the trials of a search on the cluster that this process is connected to.

    No trial is pruned: each ends, or the deadline ends it.

    Args:
        threads: The CPUs and threads of each trial; None: one.
    """
    return partial(_run, threads=threads or 1)


def _run(search: Search, threads: int) -> Iterator[None]:
    """Keep as many trials running as the cluster has CPUs for.

    Raises:
        WaveNetworkError: If a task was lost.
    """
    slots = max(1, int(ray.cluster_resources().get("CPU", 1)) // threads)  # type: ignore[no-untyped-call]
    data = ray.put(search.data)
    task = ray.remote(num_cpus=threads, max_retries=1)(_attempt)
    running: dict[Any, optuna.Trial] = {}
    goes_on = True
    try:
        while True:
            while goes_on and len(running) < slots and search.may_start(len(running)):
                trial = search.ask()
                try:
                    preset = search.candidate(trial)
                except ConfigError as error:
                    search.settle(trial, Attempt(None, refused=str(error)))
                    yield
                    continue
                left = None if search.deadline is None else search.deadline - time.perf_counter()
                running[task.remote(data, preset, threads, left)] = trial
            if not running:
                return
            (ended,), _ = ray.wait([*running], num_returns=1)
            trial = running.pop(ended)
            try:
                attempt = ray.get(ended)
            except ray.exceptions.RayError as error:
                search.cut(trial)
                raise WaveNetworkError(
                    f"a trial on the Ray cluster failed: {first_line(error)}"
                ) from error
            goes_on = search.settle(trial, attempt) and goes_on
            yield
    finally:
        for reference, trial in running.items():
            ray.cancel(reference, force=True)
            search.cut(trial)


def _attempt(data: TrainingData, preset: Preset, threads: int, seconds: float | None) -> Attempt:
    """Train with a trial's settings, in a process of the cluster."""
    stop = StopSignal()
    clock = _Clock(seconds, stop)
    try:
        fitted = fit(data, Recipe(preset, preset.train, threads=threads), clock, stop)
    except ConfigError as error:
        return Attempt(None, refused=str(error))
    return Attempt((preset, fitted), out_of_time=clock.out_of_time)


class _Clock(Progress):
    """Ends a training when its time is up.

    Args:
        seconds: Its time; None: as much as it takes.
        stop: Ends it.
    """

    def __init__(self, seconds: float | None, stop: StopSignal) -> None:
        self._end = None if seconds is None else time.perf_counter() + seconds
        self._stop = stop
        self.out_of_time = False

    def step(self, loss: float) -> None:
        """See `Progress`."""
        if self._end is not None and time.perf_counter() >= self._end:
            self.out_of_time = True
            self._stop.request()
