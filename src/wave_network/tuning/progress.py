"""Progress of a trial's training: draws it, and ends or prunes the trial."""

from __future__ import annotations

import time
from typing import Any, Final

import optuna
from rich.console import Console

from wave_network.training.progress import TrainingBar

_PARTS: Final = 4
"""Trials of different lengths are compared after each quarter of their epochs."""


class TrialBar(TrainingBar):
    """A progress bar for one trial; it prints no line per epoch.

    Args:
        console: Where to draw.
        trial: Gets the metric after each quarter of the epochs, and may be pruned.
        metric: Its name.
        deadline: When training must end, as of `time.perf_counter`; None: never.
    """

    def __init__(
        self, console: Console, trial: optuna.Trial, metric: str, deadline: float | None
    ) -> None:
        super().__init__(console)
        self.out_of_time = False
        self._trial = trial
        self._metric = metric
        self._deadline = deadline
        self._reported = 0

    def step(self, loss: float) -> None:
        """A step is done; when time is up, ends training as Ctrl-C would."""
        super().step(loss)
        if self._deadline is not None and time.perf_counter() >= self._deadline:
            self.out_of_time = True
            raise KeyboardInterrupt

    def epoch(self, record: dict[str, Any]) -> None:
        """An epoch is done and validated; raises `TrialPruned` if the trial is not promising."""
        done = _PARTS * int(record["epoch"]) // self._epochs
        if done == self._reported:
            return
        self._reported = done
        self._trial.report(record["validation"][self._metric], done)
        if done < _PARTS and self._trial.should_prune():
            raise optuna.TrialPruned

    def _replace_task(self, description: str, total: int | None) -> None:
        super()._replace_task(f"trial {self._trial.number}: {description}", total)
