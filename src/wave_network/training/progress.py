"""Show progress on the terminal: a progress bar, and a line per epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

from wave_network.evaluation.metric_names import metric_names
from wave_network.training.callbacks import Progress
from wave_network.training.tracking import Tracker

if TYPE_CHECKING:
    from wave_network.data.summary import DataSummary


class TrainingBar(Progress):
    """Shows the stage, the loss, the last validation accuracy and the time left.

    Args:
        console: Where to draw. Only a terminal gets a progress bar; other output gets one line per
            epoch.
        track: Receives each epoch's record, too.
    """

    def __init__(self, console: Console, track: Tracker | None = None) -> None:
        self._console = console
        self._track = track
        self._epochs = 0
        self._task: TaskID | None = None
        self._validation = self._without = ""
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[metrics]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )

    def stage(self, name: str, total: int | None = None) -> None:
        """Show a stage; without a total, the bar shows no share of it."""
        self._replace_task(name, total=total)

    def advance(self, count: int) -> None:
        """Advance the bar by parts of the stage."""
        if self._task is not None:
            self._bar.update(self._task, advance=count)

    def start(self, steps: int, epochs: int) -> None:
        """Show the bar of training."""
        self._epochs = epochs
        self._replace_task("training", total=steps)

    def step(self, loss: float) -> None:
        """Advance the bar by a step."""
        if self._task is not None:
            metrics = f"loss {loss:.3f}{self._validation}"
            self._bar.update(self._task, advance=1, metrics=metrics)

    def data(self, summary: DataSummary) -> None:
        """Print a line for each part of the data, and for what is notable."""
        for line in summary.lines():
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def expect_linear_part(self) -> None:
        """Mark the coming epochs' metrics as those without the linear part."""
        self._without = " (before the linear part)"

    def epoch(self, record: dict[str, Any]) -> None:
        """Print a line for the epoch."""
        validation = record["validation"]
        shown = ""
        if validation is not None:
            main = next(iter(metric_names(validation)))
            self._validation = f"  validation {validation[main]:.2%}"
            shown = f"{_shown(validation)}{self._without}  "
        self._console.print(
            f"epoch {record['epoch']}/{self._epochs}  loss {record['train_loss']:.4f}  "
            f"{shown}{record['seconds']:.0f} s",
            highlight=False,
        )
        if self._track is not None:
            self._track(record)

    def linear_part(self, metrics: dict[str, float]) -> None:
        """Print a line for the whole model."""
        self._console.print(f"with the linear part  {_shown(metrics)}", highlight=False)

    def __enter__(self) -> TrainingBar:
        """Start drawing."""
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Clear the terminal line, however training ended."""
        self._bar.stop()

    def _replace_task(self, description: str, total: int | None) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(description, total=total, metrics="")


def _shown(validation: dict[str, float]) -> str:
    """Format the two main metrics."""
    (main, name), (other, other_name), *_ = metric_names(validation).items()
    return f"validation {name} {validation[main]:.2%}  {other_name} {validation[other]:.2%}"
