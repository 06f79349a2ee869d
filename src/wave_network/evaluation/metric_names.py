"""Display names of metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_SINGLE_LABEL: Final = {"accuracy": "accuracy", "macro_f1": "macro F1", "loss": "loss"}
_MULTI_LABEL: Final = {
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "accuracy": "subset accuracy",
    "loss": "loss",
}


def metric_names(metrics: Mapping[str, Any]) -> dict[str, str]:
    """Return display names of the main metrics, in order; multi-label metrics have `micro_f1`."""
    return _MULTI_LABEL if "micro_f1" in metrics else _SINGLE_LABEL
