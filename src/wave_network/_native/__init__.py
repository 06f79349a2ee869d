"""The compiled extension, and the one place that says whether it is used."""

from __future__ import annotations

from typing import Final

_damage = ""
try:
    import wave_network._native._extension as compiled
except ModuleNotFoundError:  # no wheel for this platform, and there was no C compiler
    compiled = None  # type: ignore[assignment]
except ImportError as error:  # built, but for another system
    compiled = None  # type: ignore[assignment]
    _damage = f" ({error})"

HOW_TO_COMPILE: Final = (
    f"not in use{_damage}; for it, install a C compiler, then "
    "pip install --force-reinstall --no-deps --no-cache-dir --no-binary wave-network wave-network"
)


def description() -> str:
    """Say whether compiled code is in use; if not, why, and how to get it."""
    return HOW_TO_COMPILE if compiled is None else "in use"


__all__ = ["HOW_TO_COMPILE", "compiled", "description"]
