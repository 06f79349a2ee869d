"""Printing: results on stdout, everything else on stderr."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from wave_network.data.json_text import json_line
from wave_network.errors import printable
from wave_network.progress.stages import NOBODY, shower

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from wave_network.data.summary import TextSummary


def note(message: str) -> None:
    """Print a note on stderr."""
    _say(printable(message))


def print_json(value: Mapping[str, Any]) -> None:
    """Print a JSON object on one line of stdout."""
    sys.stdout.write(json_line(value))


def print_line(text: object) -> None:
    """Print a line on stdout."""
    sys.stdout.write(f"{printable(str(text))}\n")


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print lines of a name and a value on stdout, with the values below each other."""
    for name, value in fields:
        print_line(f"{name:<12}{value}")


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
    table.add_column(printable(first), overflow="fold")
    for place, name in enumerate(others, start=1):
        justify = last if place == len(others) else "right"
        table.add_column(printable(name), justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*(printable(str(cell)) for cell in row))
    _print(title, table)


def print_rich(text: Text) -> None:
    """Print a coloured text on stdout."""
    _print(text)


def stderr_console() -> Console:
    """Return a console on stderr, for lines that a library prints."""
    from rich.console import Console

    # Redirected output has no width: keep each line whole.
    return Console(stderr=True, soft_wrap=not sys.stderr.isatty())


class _NoteHandler(logging.Handler):
    """Prints log messages as notes."""

    def emit(self, record: logging.LogRecord) -> None:
        _say(printable(self.format(record), lines=True))


def log_to_stderr() -> None:
    """Print the notes and warnings of the library as plain lines on stderr."""
    handler = _NoteHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("wave_network")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


def note_data(doing: str, texts: int, data: str, split: str) -> None:
    """Note which data is used, and which split of it."""
    part = "" if split == Path(data).name else f" ({split})"
    note(f"{doing} {texts:,} text{'' if texts == 1 else 's'}: {data}{part}")


def note_read(read: TextSummary) -> None:
    """Note what is notable about the texts that were read: empty ones, and those that were cut."""
    for line in read.notes():
        note(line)


def _say(message: str) -> None:
    showing = shower.get()
    if showing is NOBODY:  # as in another thread than the command's
        sys.stderr.write(f"{message}\n")
    else:
        showing.say(message)


def _print(*parts: RenderableType) -> None:
    # Rich would end the process itself when nobody reads its output any more.
    console = _stdout()
    with console.capture() as printed:
        console.print(*parts, sep="\n")
    sys.stdout.write(printed.get())


def _stdout() -> Console:
    from rich.console import Console

    # Redirected output has no width of its own; the default 80 would cut long labels.
    width = None if sys.stdout.isatty() else 120
    # Print labels such as "[b]" or ":smile:" as they are.
    return Console(width=width, markup=False, emoji=False, highlight=False)
