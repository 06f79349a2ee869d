"""Progress on the terminal: a live bar, and a line for each epoch."""

from __future__ import annotations

from typing import Any

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


class TrainingBar(Progress):
    """Shows the stage, loss, the last validation accuracy and the time left, on stderr.

    Args:
        console: Where to draw; a bar needs a terminal, anything else gets one line an epoch.
        track: Is given each epoch's record, too.
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
        """What is done before the first step: without a total, the bar has no end in sight."""
        self._replace_task(name, total=total)

    def advance(self, count: int) -> None:
        """A part of the stage is done."""
        if self._task is not None:
            self._bar.update(self._task, advance=count)

    def start(self, steps: int, epochs: int) -> None:
        """Training starts."""
        self._epochs = epochs
        self._replace_task("training", total=steps)

    def step(self, loss: float) -> None:
        """A step is done."""
        if self._task is not None:
            metrics = f"loss {loss:.3f}{self._validation}"
            self._bar.update(self._task, advance=1, metrics=metrics)

    def expect_linear_part(self) -> None:
        """The lines of the coming epochs say that the linear part is not in their metrics."""
        self._without = " (before the linear part)"

    def epoch(self, record: dict[str, Any]) -> None:
        """An epoch is done and validated."""
        validation = record["validation"]
        main = next(iter(metric_names(validation)))
        self._validation = f"  validation {validation[main]:.2%}"
        self._console.print(
            f"epoch {record['epoch']}/{self._epochs}  loss {record['train_loss']:.4f}  "
            f"{_shown(validation)}{self._without}  {record['seconds']:.0f} s",
            highlight=False,
        )
        if self._track is not None:
            self._track(record)

    def linear_part(self, metrics: dict[str, float]) -> None:
        """The linear part is fitted: a line for the whole model."""
        self._console.print(f"with the linear part  {_shown(metrics)}", highlight=False)

    def __enter__(self) -> TrainingBar:
        """Draw from now on."""
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
    """The two metrics of a line."""
    (main, name), (other, other_name), *_ = metric_names(validation).items()
    return f"validation {name} {validation[main]:.2%}  {other_name} {validation[other]:.2%}"
