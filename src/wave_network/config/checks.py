"""Checks of a configuration's values. Each raises a `ConfigError` that names the field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from math import isfinite, prod
from numbers import Integral, Real
from os import PathLike, fspath
from typing import Any, Final, TypeGuard

from wave_network.errors import ConfigError, option_name

LARGEST: Final = 2**31 - 1
"""The largest whole number that a field may hold where it has no limit of its own, and the most
numbers in one table."""

_LARGEST_WEIGHT: Final = 1e9
_LONGEST: Final = 60


def shortened(value: object) -> str:
    """A value for a message, on one line, however long it is."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # digits without end, or nested without end
        return f"a {type(value).__name__}"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def check_choice(name: str, value: object, choices: tuple[Any, ...]) -> None:
    """Refuse a value that is not one of the choices."""
    if value not in choices:
        listed = ", ".join(str(choice) for choice in choices)
        raise ConfigError(f"{option_name(name)} must be one of {listed}; got {shortened(value)}")


def check_range(name: str, value: float, low: float, high: float | None) -> None:
    """Refuse a number outside the range, and NaN. None stands for `LARGEST`."""
    if not low <= value <= (LARGEST if high is None else high):
        limit = f"at least {low}" if high is None else f"between {low} and {high}"
        if high is None and value > LARGEST:
            limit = f"below {LARGEST + 1:,}"
        raise ConfigError(f"{option_name(name)} must be {limit}; got {shortened(value)}")


def plain_whole(name: str, value: object) -> int:
    """A whole number as Python's `int`, which JSON can hold; NumPy's integers are accepted."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise ConfigError(f"{option_name(name)} must be a whole number; got {shortened(value)}")
    return int(value)


def plain_finite(name: str, value: object) -> float:
    """A finite number as Python's `float`; NumPy's numbers are accepted."""
    if not _is_finite(value):
        raise ConfigError(f"{option_name(name)} must be a finite number; got {shortened(value)}")
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


def check_labels(labels: tuple[Any, ...]) -> None:
    """Refuse labels that no data can have, or that read alike."""
    for label in labels:
        plain = isinstance(label, str | Integral) or (_is_finite(label) and label == int(label))
        if not plain:
            raise ConfigError(f"a label must be a string or a whole number; got {shortened(label)}")
        if isinstance(label, str) and not _is_unicode(label):
            raise ConfigError(f"the label {shortened(label)} contains half a character")
    if len(set(map(str, labels))) != len(labels) or len(set(labels)) != len(labels):
        raise ConfigError("the labels are not distinct")


def check_tables(**tables: tuple[int, ...]) -> None:
    """Refuse tables with more numbers than fit in memory."""
    for name, shape in tables.items():
        if prod(shape) > LARGEST:
            sizes = " x ".join(f"{size:,}" for size in shape)
            raise ConfigError(f"the {name} would have {sizes} numbers: the limit is 2**31")


def _is_finite(value: object) -> TypeGuard[float]:
    try:
        return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)
    except OverflowError:  # a whole number beyond the range of floats
        return False


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def plain_source(name: str, value: object) -> str:
    """A folder, file or Hub id as a string."""
    if isinstance(value, str | PathLike):
        return str(fspath(value))
    raise ConfigError(f"{option_name(name)} must be a path or a Hub id; got {shortened(value)}")


def plain_class_weight(name: str, value: object) -> str | dict[str | int | float, float]:
    """`balanced`, or weights by label as JSON can hold them."""
    if value == "balanced":
        return "balanced"
    if isinstance(value, Mapping) and all(
        isinstance(label, str | Integral | float)
        and _is_finite(weight)
        and 1 / _LARGEST_WEIGHT <= weight <= _LARGEST_WEIGHT
        for label, weight in value.items()
    ):
        return {
            label if isinstance(label, str | bool | float) else int(label): float(weight)
            for label, weight in value.items()
        }
    raise ConfigError(
        f"{option_name(name)} must be balanced, or a weight above 0 (1e-9 to 1e9) for each label;"
        f" got {shortened(value)}"
    )


def check_known_fields(config: type, values: Mapping[str, Any]) -> None:
    """Check that a configuration has all the fields of a file.

    Raises:
        ConfigError: If it lacks one.
    """
    known = {item.name for item in fields(config)}
    if unknown := sorted(set(values) - known):
        raise ConfigError(f"unknown model field {shortened(unknown[0])}: made by a newer version?")
