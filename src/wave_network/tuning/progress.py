"""Show the progress of a trial, prune it if it is not promising, and end it at the deadline."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import optuna

from wave_network.progress.stages import Stage
from wave_network.training.interrupt import StopSignal
from wave_network.training.progress import StageBar

if TYPE_CHECKING:
    from wave_network.data.summary import DataSummary

_PARTS: Final = 4
"""Compare trials after each quarter of their epochs, whatever their number of epochs."""


class TrialBar(StageBar):
    """The progress bar of one trial.

    Args:
        trial: The trial; gets the metric after each quarter of the epochs.
        metric: Name of the metric.
        deadline: When training must end, in seconds of `time.perf_counter`; None: never.
        stop: Receives the request to end training.
        describes: Print what was read of the data.

    Attributes:
        out_of_time: Whether the deadline ended the training.
        pruned: Whether training was ended because the trial was not promising.
    """

    def __init__(
        self,
        trial: optuna.Trial,
        metric: str,
        deadline: float | None,
        stop: StopSignal,
        *,
        describes: bool = False,
    ) -> None:
        super().__init__()
        self.out_of_time = self.pruned = False
        self._stop = stop
        self._describes = describes
        self._trial = trial
        self._metric = metric
        self._deadline = deadline
        self._reported = 0

    def data(self, summary: DataSummary) -> None:
        """Print what was read of the data, which is the same in all trials."""
        if self._describes:
            super().data(summary)

    def step(self, loss: float) -> None:
        """Record a training step; request a stop if the deadline has passed."""
        super().step(loss)
        if self._deadline is not None and time.perf_counter() >= self._deadline:
            self.out_of_time = True
            self._stop.request()

    def epoch(self, record: dict[str, Any]) -> None:
        """Report a validated epoch; request a stop if the trial is not promising."""
        super().epoch(record)
        done = _PARTS * int(record["epoch"]) // self._epochs
        if done == self._reported:
            return
        self._reported = done
        self._trial.report(record["validation"][self._metric], done)
        if done < _PARTS and self._trial.should_prune():
            self.pruned = True
            self._stop.request()

    def _begin(self, stage: Stage) -> None:
        stage.name = f"trial {self._trial.number}: {stage.name}"
        super()._begin(stage)
