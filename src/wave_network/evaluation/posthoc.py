"""Post-hoc calibration: fit temperature and thresholds on validation data after training."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.data.labels import Labelling, MultiLabel
from wave_network.data.targets import Targets, most_probable
from wave_network.evaluation.calibration import fit_multi_label_temperature, fit_temperature
from wave_network.evaluation.conformal import conformal_thresholds
from wave_network.evaluation.metrics import summarize_for
from wave_network.evaluation.thresholds import choose_thresholds


class PostHoc(NamedTuple):
    """Temperature and thresholds fitted on validation data, and its metrics.

    Attributes:
        temperature: Divides the logits; None: not fitted.
        thresholds: The threshold of each label; None for single-label models.
        conformal_thresholds: The thresholds of prediction sets; None for multi-label models.
        metrics: The validation metrics after calibration; None without validation data.
        uncalibrated: The validation metrics before calibration; None without validation data.
    """

    temperature: float | None
    thresholds: tuple[float, ...] | None
    conformal_thresholds: list[float] | None
    metrics: dict[str, float] | None
    uncalibrated: dict[str, float] | None


def calibrate_post_hoc(
    labelling: Labelling,
    logits: NDArray[np.float32],
    targets: Targets,
    weights: NDArray[np.float32] | None,
    *,
    fits_temperature: bool,
) -> PostHoc:
    """Fit temperature and thresholds on validation data, and report its metrics.

    Args:
        labelling: The model's labelling.
        logits: Logits of the validation texts, (texts, classes).
        targets: Targets of the validation texts.
        weights: As for `summarize_for`.
        fits_temperature: Whether to fit a temperature.
    """
    uncalibrated = summarize_for(labelling, labelling.probabilities(logits), targets, weights)
    temperature, thresholds, conformal = None, None, None
    if isinstance(labelling, MultiLabel):
        if fits_temperature:
            temperature = fit_multi_label_temperature(logits, targets)
        probabilities = labelling.probabilities(logits / (temperature or 1))
        thresholds = choose_thresholds(probabilities, targets)
        labelling = replace(labelling, thresholds=thresholds)
    else:
        temperature = fit_temperature(logits, targets) if fits_temperature else None
        probabilities = labelling.probabilities(logits / (temperature or 1))
        conformal = conformal_thresholds(probabilities, most_probable(targets))
    metrics = summarize_for(labelling, probabilities, targets, weights)
    return PostHoc(temperature, thresholds, conformal, metrics, uncalibrated)
