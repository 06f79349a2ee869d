"""What a configuration's fields may hold: each check raises a `ConfigError` naming the field."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isfinite
from numbers import Integral, Real
from typing import Any

from wave_network.errors import ConfigError


def check_choice(name: str, value: object, choices: tuple[Any, ...]) -> None:
    """Refuse what is none of the choices."""
    if value not in choices:
        listed = ", ".join(str(choice) for choice in choices)
        raise ConfigError(f"{name} must be one of {listed}; got {value!r}")


def check_range(name: str, value: float, low: float, high: float | None) -> None:
    """Refuse what is outside, and what is no number at all (NaN)."""
    if not (value >= low and (high is None or value <= high)):
        limit = f"at least {low}" if high is None else f"between {low} and {high}"
        raise ConfigError(f"{name} must be {limit}; got {value}")


def check_whole(config: object, *names: str) -> None:
    """Refuse what is no whole number, and make NumPy's integers Python's, which JSON can hold."""
    for name in names:
        value = getattr(config, name)
        if not isinstance(value, Integral):
            raise ConfigError(f"{name} must be a whole number; got {value!r}")
        object.__setattr__(config, name, int(value))  # the dataclass is frozen


def check_finite(config: object, *names: str) -> None:
    """Refuse what is no finite number, and make NumPy's numbers Python's."""
    for name in names:
        value = getattr(config, name)
        if not (isinstance(value, Real) and isfinite(value)):
            raise ConfigError(f"{name} must be a finite number; got {value!r}")
        object.__setattr__(config, name, float(value))


def plain_class_weight(value: object) -> dict[str | int, float]:
    """Weights by label as JSON can hold them."""
    if isinstance(value, Mapping) and all(
        isinstance(label, str | Integral) and isinstance(weight, Real) and 0 < float(weight) < inf
        for label, weight in value.items()
    ):
        return {
            label if isinstance(label, str) else int(label): float(weight)
            for label, weight in value.items()
        }
    raise ConfigError(
        f"class_weight must be balanced, or a weight above 0 for each label; got {value!r}"
    )
