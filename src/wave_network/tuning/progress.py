"""The progress of a trial's training, which ends it when time is up or the trial is pruned."""

from __future__ import annotations

import time
from typing import Any, Final

import optuna
from rich.console import Console

from wave_network.training.progress import TrainingBar
from wave_network.training.stop import StopSignal

_PARTS: Final = 4
"""Trials of more or fewer epochs are compared after each quarter of theirs."""


class TrialBar(TrainingBar):
    """A training bar for one trial, which prints no line an epoch.

    Args:
        console: Where to draw.
        trial: Is told of the metric after each quarter of the epochs, and may be pruned.
        metric: Its name.
        deadline: When training has to end, by `time.perf_counter`; None: never.
        stop: Is asked to end the training.

    Attributes:
        out_of_time: Whether the deadline ended the training.
        pruned: Whether the trial was not worth more.
    """

    def __init__(
        self,
        console: Console,
        trial: optuna.Trial,
        metric: str,
        deadline: float | None,
        stop: StopSignal,
    ) -> None:
        super().__init__(console)
        self.out_of_time = self.pruned = False
        self._stop = stop
        self._trial = trial
        self._metric = metric
        self._deadline = deadline
        self._reported = 0

    def step(self, loss: float) -> None:
        """A step is done; when time is up, training ends as by Ctrl-C."""
        super().step(loss)
        if self._deadline is not None and time.perf_counter() >= self._deadline:
            self.out_of_time = True
            self._stop.request()

    def epoch(self, record: dict[str, Any]) -> None:
        """An epoch is done and validated; training ends if the trial is not worth more."""
        done = _PARTS * int(record["epoch"]) // self._epochs
        if done == self._reported:
            return
        self._reported = done
        self._trial.report(record["validation"][self._metric], done)
        if done < _PARTS and self._trial.should_prune():
            self.pruned = True
            self._stop.request()

    def linear_part(self, metrics: dict[str, float]) -> None:
        """No line."""

    def _replace_task(self, description: str, total: int | None) -> None:
        super()._replace_task(f"trial {self._trial.number}: {description}", total)
