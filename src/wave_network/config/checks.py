"""Checks of a configuration's values. Each raises a `ConfigError` that names the field."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isfinite
from numbers import Integral, Real
from os import PathLike, fspath
from typing import Any

from wave_network.errors import ConfigError, option_name


def check_choice(name: str, value: object, choices: tuple[Any, ...]) -> None:
    """Refuse a value that is not one of the choices."""
    if value not in choices:
        listed = ", ".join(str(choice) for choice in choices)
        raise ConfigError(f"{option_name(name)} must be one of {listed}; got {value!r}")


def check_range(name: str, value: float, low: float, high: float | None) -> None:
    """Refuse a number outside the range, and NaN."""
    if not (value >= low and (high is None or value <= high)):
        limit = f"at least {low}" if high is None else f"between {low} and {high}"
        raise ConfigError(f"{option_name(name)} must be {limit}; got {value}")


def plain_whole(name: str, value: object) -> int:
    """A whole number as Python's `int`, which JSON can hold; NumPy's integers are accepted."""
    if not isinstance(value, Integral):
        raise ConfigError(f"{option_name(name)} must be a whole number; got {value!r}")
    return int(value)


def plain_finite(name: str, value: object) -> float:
    """A finite number as Python's `float`; NumPy's numbers are accepted."""
    if not (isinstance(value, Real) and isfinite(value)):
        raise ConfigError(f"{option_name(name)} must be a finite number; got {value!r}")
    return float(value)


def check_whole(config: object, *names: str) -> None:
    """Refuse fields that are not whole numbers, and store the others as Python's `int`."""
    for name in names:
        # The dataclass is frozen.
        object.__setattr__(config, name, plain_whole(name, getattr(config, name)))


def check_finite(config: object, *names: str) -> None:
    """Refuse fields that are not finite numbers, and store the others as Python's `float`."""
    for name in names:
        object.__setattr__(config, name, plain_finite(name, getattr(config, name)))


def plain_source(name: str, value: object) -> str:
    """A folder, file or Hub id as a string."""
    if isinstance(value, str | PathLike):
        return str(fspath(value))
    raise ConfigError(f"{option_name(name)} must be a path or a Hub id; got {value!r}")


def plain_class_weight(name: str, value: object) -> str | dict[str | int, float]:
    """`balanced`, or weights by label as JSON can hold them."""
    if value == "balanced":
        return "balanced"
    if isinstance(value, Mapping) and all(
        isinstance(label, str | Integral) and isinstance(weight, Real) and 0 < float(weight) < inf
        for label, weight in value.items()
    ):
        return {
            label if isinstance(label, str) else int(label): float(weight)
            for label, weight in value.items()
        }
    raise ConfigError(
        f"{option_name(name)} must be balanced, or a weight above 0 for each label; got {value!r}"
    )
