"""Printing: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from wave_network.data.labels import Labelling
    from wave_network.runtime import Prediction


def note(message: str) -> None:
    """Print a note on stderr."""
    sys.stderr.write(f"{message}\n")


def print_json(value: Mapping[str, Any]) -> None:
    """Print a JSON object on one line of stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def prediction_record(
    labelling: Labelling, text: str, prediction: Prediction, top_k: int | None = None
) -> dict[str, Any]:
    """Return a prediction as a JSON record: one label, or for multi-label models a list."""
    if not labelling.multi_label:
        record = {"text": text, "label": prediction.label, "score": prediction.score}
        return record if top_k is None else {**record, "scores": prediction.scores.top(top_k)}
    if top_k is None:
        scores = {label: prediction.scores[label] for label in prediction.labels}
    else:
        scores = prediction.scores.top(top_k)
    return {"text": text, "labels": list(prediction.labels), "scores": scores}


def print_table(
    title: str,
    columns: Iterable[str],
    rows: Iterable[Iterable[object]],
    *,
    last: Literal["left", "right"] = "right",
) -> None:
    """Print a table on stdout, its first column left-aligned, the others right-aligned.

    Cells that are too wide for the terminal are wrapped, never cut.

    Args:
        title: Printed above the table.
        columns: The headings.
        rows: The cells.
        last: Alignment of the last column.
    """
    from rich.table import Table

    first, *others = columns
    table = Table()
    table.add_column(first, overflow="fold")
    for place, name in enumerate(others, start=1):
        justify = last if place == len(others) else "right"
        table.add_column(name, justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    _stdout().print(title, table, sep="\n")


def print_rich(text: Text) -> None:
    """Print a coloured text on stdout."""
    _stdout().print(text)


def stderr_console() -> Console:
    """Return a console on stderr, for progress."""
    from rich.console import Console

    # Redirected output has no width: keep each epoch on one line.
    return Console(stderr=True, soft_wrap=not sys.stderr.isatty())


def log_to_stderr() -> None:
    """Print the notes and warnings of the library as plain lines on stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("wave_network")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


def note_data(doing: str, texts: int, data: str, split: str) -> None:
    """Note which data is used, and which split of it."""
    part = "" if split == Path(data).name else f" ({split})"
    note(f"{doing} {texts:,} texts: {data}{part}")


def note_empty(empty: int, texts: int) -> None:
    """Note how many texts are empty, if any are."""
    if empty:
        note(f"{empty:,} of {texts:,} texts are empty; they are classified like all others")


def _stdout() -> Console:
    from rich.console import Console

    # Redirected output has no width of its own; the default 80 would cut long labels.
    width = None if sys.stdout.isatty() else 120
    # Print labels such as "[b]" or ":smile:" as they are.
    return Console(width=width, markup=False, emoji=False, highlight=False)
