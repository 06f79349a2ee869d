"""How the texts of a job are read and answered."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from wave_network.data.read_options import ReadOptions


@dataclass(frozen=True)
class Answers:
    """How texts are read and answered; equal ones give equal answers.

    Attributes:
        text_column: The column of the texts.
        options: How text files are read.
        keep_columns: Whether the other columns are kept.
        top_k: How many scores to add; None: none.
        threshold: If the score is lower, there is no label.
        coverage: The coverage of prediction sets; None: no prediction sets.
        out_of_scope: Whether to add the out-of-scope score.
    """

    text_column: str = "text"
    options: ReadOptions = ReadOptions()  # noqa: RUF009  # it is immutable
    keep_columns: bool = False
    top_k: int | None = None
    threshold: float = 0.0
    coverage: float | None = None
    out_of_scope: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return all values by the names of their options, as JSON values."""
        values = asdict(self)
        how_files_are_read = values.pop("options")
        return {**values, **how_files_are_read}
