"""How training reports its progress."""

from __future__ import annotations

from typing import Any


class Progress:
    """Is told how training goes; by itself it does nothing with that."""

    def stage(self, name: str, total: int | None = None) -> None:
        """A stage outside the training loop begins: its name, and its number of parts if known."""

    def advance(self, count: int) -> None:
        """So many parts of the stage are done."""

    def expect_linear_part(self) -> None:
        """The metrics of the coming epochs are without the linear part, which is fitted later."""

    def start(self, steps: int, epochs: int) -> None:
        """Training starts; `steps` in all."""

    def step(self, loss: float) -> None:
        """A step is done, with the mean loss of the epoch so far."""

    def epoch(self, record: dict[str, Any]) -> None:
        """An epoch is done and validated."""

    def linear_part(self, metrics: dict[str, float]) -> None:
        """The linear part is fitted: the validation metrics of the whole model."""


SILENT = Progress()
"""Tells nobody."""
