"""What an experiment contributes to the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Table:
    """A table of the report.

    Attributes:
        caption: One line, in Markdown.
        columns: The head.
        rows: Cells as text; columns of words are left-aligned, columns of numbers right-aligned.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Plot:
    """A plot of the report.

    Attributes:
        name: The file's name without its ending.
        caption: One line, in Markdown, that says what the plot shows.
        draw: Draws on an empty figure.
    """

    name: str
    caption: str
    draw: Callable[[Figure], None]


@dataclass(frozen=True)
class Section:
    """One experiment in the report; all texts are Markdown.

    Attributes:
        title: Heading, with the paper's table or figure.
        paper: What the paper says.
        protocol: How it was measured here, and which of it is ours.
        tables: What was measured.
        plots: The same, drawn.
        findings: What follows, one or two sentences each, with the numbers.
        difference: Why it differs from the paper.
    """

    title: str
    paper: str
    protocol: str
    difference: str
    tables: Sequence[Table] = ()
    plots: Sequence[Plot] = ()
    findings: Sequence[str] = field(default_factory=list)
