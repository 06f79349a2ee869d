"""How training shows itself: a live bar on a terminal, a line an epoch elsewhere."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from wave_network.evaluation.metric_names import figure_names
from wave_network.training.tracking import EpochLog


class TrainingBar:
    """Shows the stage, loss, the last validation accuracy and the time left, on stderr.

    Args:
        console: Where to draw; a bar needs a terminal, anything else gets one line an epoch.
        log: Is given each epoch's record, too.
    """

    def __init__(self, console: Console, log: EpochLog | None = None) -> None:
        self._console = console
        self._log = log
        self._epochs = 0
        self._task: TaskID | None = None
        self._validation = ""
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[figures]}"),
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
            figures = f"loss {loss:.3f}{self._validation}"
            self._bar.update(self._task, advance=1, figures=figures)

    def epoch(self, record: dict[str, Any]) -> None:
        """An epoch is done and validated."""
        validation = record["validation"]
        (main, name), (other, other_name), *_ = figure_names(validation).items()
        self._validation = f"  validation {validation[main]:.2%}"
        self._console.print(
            f"epoch {record['epoch']}/{self._epochs}  loss {record['train_loss']:.4f}  "
            f"validation {name} {validation[main]:.2%}  "
            f"{other_name} {validation[other]:.2%}  {record['seconds']:.0f} s",
            highlight=False,
        )
        if self._log is not None:
            self._log(record)

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
        self._task = self._bar.add_task(description, total=total, figures="")
