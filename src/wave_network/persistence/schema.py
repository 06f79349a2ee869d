"""Check the JSON files of a model folder; each check raises a `ConfigError`.

The files may come from anyone, so they are checked before they are used or printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import isfinite
from typing import Any, Final

from wave_network.config import TrainConfig
from wave_network.config.checks import LARGEST, shortened
from wave_network.errors import ConfigError
from wave_network.evaluation.metric_names import metric_names
from wave_network.persistence.quantization import QUANTIZATIONS

_LARGEST_COUNT: Final = 2**53
_LARGEST_NUMBER: Final = 1e30
_TOGETHER: Final = ("validation_texts", "best_epoch", "epochs", "validation")
_COUNTS: Final = ("training_texts", "represented_texts", *_TOGETHER[:3])


def section(description: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object within an object; empty where it is missing."""
    value = description.get(name, {})
    if not isinstance(value, dict):
        raise ConfigError(f"{name!r} is not an object")
    return value


def training_section(description: Mapping[str, Any]) -> dict[str, Any]:
    """How a model was trained: the fields that this version knows have values that it knows."""
    training = section(description, "training")
    known = {name: training[name] for name in TrainConfig.__dataclass_fields__ if name in training}
    try:
        TrainConfig(**known)
    except TypeError as error:
        raise ConfigError(f"the training's settings have wrong types: {error}") from error
    for name in ("base_model", "teacher"):
        if not isinstance(training.get(name), str | None):
            raise ConfigError(f"the training's {name} is not a string")
    return training


def table_bits(description: Mapping[str, Any]) -> int:
    """The bits of a number of the embedding tables."""
    name = description.get("quantization")
    for bits, known in QUANTIZATIONS.items():
        if name == known:
            return bits
    raise ConfigError(f"unknown quantization {shortened(name)}: made by a newer version?")


def temperature(description: Mapping[str, Any]) -> float | None:
    """What the logits are divided by; None where nothing was calibrated."""
    if description.get("calibration") is None:
        return None
    value = section(description, "calibration").get("temperature")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 1e-3 <= value <= 1e3:
        raise ConfigError(
            f"the calibration's temperature is {shortened(value)}, which is not valid"
        )
    return float(value)


def conformal_thresholds(content: Mapping[str, Any]) -> list[float]:
    """The conformal thresholds: probabilities that never rise."""
    values = content.get("bars")
    if not isinstance(values, list) or not all(
        isinstance(bar, float | int) and not isinstance(bar, bool) and 0 <= bar <= 1
        for bar in values
    ):
        raise ConfigError("its thresholds are not probabilities")
    if any(later > earlier for earlier, later in pairwise(values)):
        raise ConfigError("its thresholds must not rise from one coverage to the next")
    return values


def check_metrics(metrics: Mapping[str, Any]) -> None:
    """Metrics as `info`, the model card and continued training read them; any may be missing."""
    for name in _COUNTS:
        value = metrics.get(name, 0)
        if not _is_whole(value) or not 0 <= value <= _LARGEST_COUNT:
            raise ConfigError(f"its {name} must be a whole number from 0; got {shortened(value)}")
    for part in ("validation", "test"):
        if metrics.get(part) is not None:
            figures = _object(metrics[part], part)
            _check_numbers(figures, tuple(metric_names(figures)), part)
    _check_training_metrics(metrics)
    if metrics.get("calibration") is not None:
        calibration = _object(metrics["calibration"], "calibration")
        _check_numbers(calibration, ("temperature",), "calibration")
        for when in ("before", "after"):
            moved = _object(calibration.get(when), f"calibration's {when}")
            _check_numbers(moved, ("loss", "ece"), "calibration")
    if metrics.get("quantization") is not None:
        measured = _object(metrics["quantization"], "quantization")
        _check_numbers(measured, ("texts", "changed"), "quantization")
        main = next(iter(metric_names(measured)))
        _check_numbers(_object(measured.get(main), main), ("before", "after"), "quantization")


def _check_training_metrics(metrics: Mapping[str, Any]) -> None:
    """What continued training computes with, and what the card says all together or not at all."""
    if "training_texts" in metrics:
        unvalidated = metrics.get("validation_texts") == 0  # then there are no metrics
        needed = _TOGETHER[:-1] if unvalidated else _TOGETHER
        missing = [name for name in needed if metrics.get(name) is None]
        if missing:
            raise ConfigError(f"it has no {missing[0]}")
    for name in ("margin_weight", "waves_weight"):
        weight = metrics.get(name, 1.0)
        if not _is_number(weight) or not 0 < weight < _LARGEST_NUMBER:
            raise ConfigError(f"its {name} must be above 0; got {shortened(weight)}")
    if metrics.get("refit") and metrics.get("validation_method") != "cross-validation":
        learnt = metrics.get("represented_texts", metrics.get("training_texts", 0))
        if not 0 <= metrics.get("validation_texts", 0) < learnt:
            raise ConfigError("it has as many validation_texts as texts in all, or more")


def check_record(record: object) -> dict[str, Any]:
    """An epoch's record in `history.jsonl`: an object of numbers, texts and such objects."""
    checked = _object(record, "line")
    for name, value in checked.items():
        if isinstance(value, dict):
            check_record(value)
        elif not isinstance(value, str | None) and not _is_number(value):
            raise ConfigError(f"its {shortened(name)} must be a number; got {shortened(value)}")
    epoch = checked.get("epoch", 0)
    if not _is_whole(epoch) or not 0 <= epoch <= LARGEST:
        raise ConfigError(f"its epoch must be a whole number from 0; got {shortened(epoch)}")
    return checked


def _check_numbers(values: Mapping[str, Any], names: tuple[str, ...], where: str) -> None:
    for name in names:
        if not _is_number(values.get(name)):
            raise ConfigError(
                f"the {name} of its {where} must be a number; got {shortened(values.get(name))}"
            )


def _object(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"its {name} is not an object")
    return value


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    """Whether a value can be computed with; a loss may have become NaN or infinite."""
    if isinstance(value, float):
        return abs(value) <= _LARGEST_NUMBER or not isfinite(value)
    return isinstance(value, int) and abs(value) <= _LARGEST_COUNT
