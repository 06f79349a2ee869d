"""Callbacks through which training reports its progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wave_network.data.summary import DataSummary


class Progress:
    """Callbacks of a training run. These do nothing; subclasses override them."""

    def stage(self, name: str, total: int | None = None) -> None:
        """Begin a stage outside the training loop.

        Args:
            name: A description of the stage.
            total: Its number of parts; None: unknown.
        """

    def advance(self, count: int) -> None:
        """Report that `count` more parts of the stage are done."""

    def data(self, summary: DataSummary) -> None:
        """Report what was read of the data, before training."""

    def expect_linear_part(self) -> None:
        """Announce a linear part, which the metrics of the coming epochs do not include."""

    def start(self, steps: int, epochs: int) -> None:
        """Begin training, with `steps` steps in all."""

    def step(self, loss: float) -> None:
        """Report a finished step, with the mean loss of the epoch so far."""

    def epoch(self, record: dict[str, Any]) -> None:
        """Report a finished epoch, with its validation metrics."""

    def linear_part(self, metrics: dict[str, float]) -> None:
        """Report the fitted linear part, with the validation metrics of the whole model."""


SILENT = Progress()
"""Reports nothing."""
