"""The compiled extension, and the one place that says whether it is used."""

from __future__ import annotations

try:
    from wave_network._native import _extension as compiled
except ImportError:  # there was no C compiler
    compiled = None  # type: ignore[assignment]

__all__ = ["compiled"]
