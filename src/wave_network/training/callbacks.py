"""Who is told how training goes."""

from __future__ import annotations

from typing import Any, Protocol


class Progress(Protocol):
    """Who is told how training goes."""

    def stage(self, name: str, total: int | None = None) -> None:
        """What is done before the first step: a name for people, in `total` parts if known."""

    def advance(self, count: int) -> None:
        """So many parts of the stage are done."""

    def start(self, steps: int, epochs: int) -> None:
        """Training starts; `steps` in all."""

    def step(self, loss: float) -> None:
        """A step is done, with the mean loss of the epoch so far."""

    def epoch(self, record: dict[str, Any]) -> None:
        """An epoch is done and validated."""


def say(progress: Progress | None, stage: str) -> None:
    """Name a stage to whoever is told, if anyone is."""
    if progress:
        progress.stage(stage)
