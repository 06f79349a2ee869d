"""The compiled extension, and the one place that says whether it is used."""

from __future__ import annotations

from typing import Final

try:
    from wave_network._native import _extension as compiled
except ImportError:  # there was no C compiler
    compiled = None  # type: ignore[assignment]

HOW_TO_COMPILE: Final = (
    "not in use; for it, install a C compiler, then "
    "pip install --force-reinstall --no-deps --no-cache-dir --no-binary wave-network wave-network"
)

__all__ = ["HOW_TO_COMPILE", "compiled"]
