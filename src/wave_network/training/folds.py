"""Combine the trainings of a cross-validation into one result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wave_network.training.callbacks import Progress
from wave_network.training.loop import TrainResult, rank


class FoldProgress(Progress):
    """Passes on the stages and steps of one fold's training, without its epochs.

    Args:
        progress: Receives them.
        fold: The number of the fold, from 1.
        folds: How many there are.
    """

    def __init__(self, progress: Progress, fold: int, folds: int) -> None:
        self._progress = progress
        self._name = f"fold {fold} of {folds}"

    def stage(self, name: str, total: int | None = None) -> None:
        """Pass a stage on, with the number of the fold."""
        self._progress.stage(f"{self._name}: {name}", total)

    def advance(self, count: int) -> None:
        """Pass on."""
        self._progress.advance(count)

    def expect_linear_part(self) -> None:
        """Pass on."""
        self._progress.expect_linear_part()

    def start(self, steps: int, epochs: int) -> None:
        """Pass on."""
        self._progress.start(steps, epochs)

    def step(self, loss: float) -> None:
        """Pass on."""
        self._progress.step(loss)


def combined(results: Sequence[TrainResult]) -> TrainResult:
    """Average the epochs of several trainings, and choose the best epoch by the averages.

    Only epochs that all of them reached count, and only those that all of them validated can be the
    best one.
    """
    epochs = min(len(result.history) for result in results)
    history = [_mean([result.history[epoch] for result in results]) for epoch in range(epochs)]
    validated = [record for record in history if record["validation"]] or history[-1:]
    best = max(validated, key=lambda record: (*_rank(record), -record["epoch"]))
    return TrainResult(
        validation=best["validation"] or {},
        history=history,
        best_epoch=int(best["epoch"]),
        seconds=sum(result.seconds for result in results),
        stopped=next((result.stopped for result in results if result.stopped), None),
    )


def _mean(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Average the numbers of records; those of the epoch are equal."""
    mean: dict[str, Any] = {}
    for name, value in records[0].items():
        values = [record[name] for record in records]
        if None in values:
            mean[name] = None
        elif isinstance(value, Mapping):
            mean[name] = _mean(values)
        else:
            mean[name] = value if name == "epoch" else float(np.mean(values))
    return mean


def _rank(record: Mapping[str, Any]) -> tuple[float, float]:
    return rank(record["validation"]) if record["validation"] else (0.0, 0.0)
