"""What people call the figures of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_ONE_LABEL: Final = {"accuracy": "accuracy", "macro_f1": "macro F1", "loss": "loss"}
_LABEL_SETS: Final = {
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "accuracy": "subset accuracy",
    "loss": "loss",
}


def figure_names(figures: Mapping[str, Any]) -> dict[str, str]:
    """The names to show figures by, in order; those of label sets have a `micro_f1`."""
    return _LABEL_SETS if "micro_f1" in figures else _ONE_LABEL
