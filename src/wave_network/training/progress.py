"""Show the progress of training: its stages, and a line per epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wave_network._native import description
from wave_network.evaluation.metric_names import metric_names
from wave_network.progress.stages import NOBODY, Stage, say, shower
from wave_network.training.callbacks import Progress
from wave_network.training.tracking import Tracker

if TYPE_CHECKING:
    from typing_extensions import Self

    from wave_network.data.summary import DataSummary


class StageBar(Progress):
    """Shows the stage, and in training the loss; prints what was read of the data."""

    def __init__(self) -> None:
        self._epochs = 0
        self._shower = NOBODY
        self._stage: Stage | None = None
        self._validation = ""

    def stage(self, name: str, total: int | None = None) -> None:
        """Show a stage; without a total, it has no known end."""
        self._begin(Stage(name, total))

    def advance(self, count: int) -> None:
        """Count parts of the stage as done."""
        if self._stage is not None:
            self._stage.advance(count)

    def start(self, steps: int, epochs: int) -> None:
        """Show the steps of training."""
        self._epochs = epochs
        self._begin(Stage("training", steps, "steps"))

    def step(self, loss: float) -> None:
        """Count a step."""
        if self._stage is not None:
            self._stage.detail = f"loss {loss:.3f}{self._validation}"
            self._stage.advance()

    def data(self, summary: DataSummary) -> None:
        """Print what trains, and a line for each part of the data and for what is notable."""
        say(f"{'threads':<12}{summary.threads}, compiled code {description()}")
        for line in summary.lines():
            say(line)

    def epoch(self, record: dict[str, Any]) -> None:
        """Show the last validation accuracy."""
        validation = record["validation"]
        if validation is None:
            return
        main = next(iter(metric_names(validation)))
        self._validation = f", validation {validation[main]:.2%}"

    def __enter__(self) -> Self:
        """Show stages where others are shown here."""
        self._shower = shower.get()
        return self

    def __exit__(self, *_: object) -> None:
        """Show the last stage no more, however training ended."""
        self._end()

    def _begin(self, stage: Stage) -> None:
        self._end()
        self._stage = stage
        self._shower.begin(stage)

    def _end(self) -> None:
        if self._stage is not None:
            self._shower.end(self._stage)
            self._stage = None


class TrainingBar(StageBar):
    """Also prints a line per epoch.

    Args:
        track: Receives each epoch's record, too.
    """

    def __init__(self, track: Tracker | None = None) -> None:
        super().__init__()
        self._track = track
        self._without = ""

    def expect_linear_part(self) -> None:
        """Mark the coming epochs' metrics as those without the linear part."""
        self._without = " (before the linear part)"

    def epoch(self, record: dict[str, Any]) -> None:
        """Print a line for the epoch."""
        super().epoch(record)
        validation = record["validation"]
        shown = "" if validation is None else f"{_shown(validation)}{self._without}  "
        say(
            f"epoch {record['epoch']}/{self._epochs}  loss {record['train_loss']:.4f}  "
            f"{shown}{record['seconds']:.0f} s"
        )
        if self._track is not None:
            self._track(record)

    def linear_part(self, metrics: dict[str, float]) -> None:
        """Print a line for the whole model."""
        say(f"with the linear part  {_shown(metrics)}")


def _shown(validation: dict[str, float]) -> str:
    """Format the two main metrics."""
    (main, name), (other, other_name), *_ = metric_names(validation).items()
    return f"validation {name} {validation[main]:.2%}  {other_name} {validation[other]:.2%}"
