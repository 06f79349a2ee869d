"""How training shows itself: a live bar on a terminal, a line an epoch elsewhere."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class TrainingBar:
    """Shows steps, loss, the last validation accuracy and the time left, on stderr.

    Args:
        console: Where to draw; a bar needs a terminal, anything else gets one line an epoch.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._task = TaskID(0)
        self._epochs = 0
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]}  validation {task.fields[validation]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )

    def start(self, steps: int, epochs: int) -> None:
        """Training starts."""
        self._epochs = epochs
        self._task = self._bar.add_task("training", total=steps, loss="–", validation="–")
        self._bar.start()

    def step(self, loss: float) -> None:
        """A step is done."""
        self._bar.update(self._task, advance=1, loss=f"{loss:.3f}")

    def epoch(self, record: dict[str, Any]) -> None:
        """An epoch is done and validated."""
        validation = record["validation"]
        self._bar.update(self._task, validation=f"{validation['accuracy']:.2%}")
        self._console.print(
            f"epoch {record['epoch']}/{self._epochs}  loss {record['train_loss']:.4f}  "
            f"validation accuracy {validation['accuracy']:.2%}  "
            f"macro F1 {validation['macro_f1']:.2%}  {record['seconds']:.0f} s",
            highlight=False,
        )

    def stop(self) -> None:
        """Training has ended."""
        self._bar.stop()
