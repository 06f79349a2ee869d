"""What the validation texts decide once the weights are there, and what is told of them."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.config import ClassifierConfig
from wave_network.data.batch import Targets, most_probable
from wave_network.evaluation.calibration import fit_temperature, fit_temperature_of_sets
from wave_network.evaluation.conformal import conformal_bars
from wave_network.evaluation.metrics import summarize_for, weighted_accuracy
from wave_network.evaluation.thresholds import choose_thresholds
from wave_network.models.functional import sigmoid, softmax


class Settled(NamedTuple):
    """What the validation texts decide once the weights are there."""

    thresholds: tuple[float, ...] | None
    temperature: float | None
    bars: list[float] | None
    figures: dict[str, float]
    uncalibrated: dict[str, float]


def settle(
    config: ClassifierConfig,
    logits: NDArray[np.float32],
    labels: Targets,
    weights: NDArray[np.float32] | None,
    *,
    calibrate: bool,
) -> Settled:
    """Calibrate, and find the thresholds of several labels or the bars of one.

    Args:
        config: The model's.
        logits: Of the validation texts, (texts, labels).
        labels: What they are to be answered with.
        weights: How much each text counts in `weighted_accuracy`; None: it is not told.
        calibrate: Whether to fit a temperature.
    """
    temperature, bars = None, None
    if config.is_multi_label:
        uncalibrated = _figures(config, sigmoid(logits), labels, weights)
        if calibrate:
            temperature = fit_temperature_of_sets(logits, labels)
        probabilities = sigmoid(logits / (temperature or 1))  # (texts, labels)
        config = replace(config, thresholds=choose_thresholds(probabilities, labels))
    else:
        temperature = fit_temperature(logits, labels) if calibrate else None
        labels = most_probable(labels)
        uncalibrated = _figures(config, softmax(logits), labels, weights)
        probabilities = softmax(logits / (temperature or 1))
        bars = conformal_bars(probabilities, labels)
    figures = _figures(config, probabilities, labels, weights)
    return Settled(config.thresholds, temperature, bars, figures, uncalibrated)


def _figures(
    config: ClassifierConfig,
    probabilities: NDArray[np.float32],
    labels: Targets,
    weights: NDArray[np.float32] | None,
) -> dict[str, float]:
    figures = summarize_for(config, probabilities, labels)
    if weights is not None and not config.is_multi_label:
        figures["weighted_accuracy"] = weighted_accuracy(probabilities, labels, weights)
    return figures
