"""Reliability of the predicted probabilities: accuracy by probability."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.evaluation.calibration import ECE_BINS

_Z: Final = 1.959964  # the normal distribution's 97.5 % point


class Bin(NamedTuple):
    """The predictions whose probability lies in one range.

    Attributes:
        low: The lower end of the range, exclusive.
        high: The upper end, inclusive.
        texts: Number of predictions. Multi-label: every label of every text counts.
        confidence: Their mean probability.
        accuracy: The share of correct predictions; multi-label: the share of labels that the texts
            have.
    """

    low: float
    high: float
    texts: int
    confidence: float
    accuracy: float


def reliability_bins(
    probabilities: NDArray[np.floating], labels: NDArray[np.int64]
) -> tuple[Bin, ...]:
    """Sort the predictions into the ranges of `expected_calibration_error`.

    Args:
        probabilities: (texts, classes).
        labels: Class indices, (texts,).

    Returns:
        The ranges that have predictions, the lowest first.
    """
    return _bins(probabilities.max(axis=1), probabilities.argmax(axis=1) == labels)


def multi_label_reliability_bins(
    probabilities: NDArray[np.floating], truth: NDArray[np.bool_]
) -> tuple[Bin, ...]:
    """Sort the probabilities of all labels of all texts into ranges.

    Args:
        probabilities: The probability of each label, (texts, labels).
        truth: Whether a text has a label, (texts, labels).

    Returns:
        As `reliability_bins`.
    """
    return _bins(probabilities.ravel(), truth.ravel())


def _bins(confidence: NDArray[np.floating], correct: NDArray[np.bool_]) -> tuple[Bin, ...]:
    """Sort predictions with these probabilities, (predictions,), into ranges."""
    confidence = confidence.astype(np.float64)
    places = np.clip(np.ceil(confidence * ECE_BINS).astype(np.int64) - 1, 0, ECE_BINS - 1)
    counts = np.bincount(places, minlength=ECE_BINS)
    confidences = np.bincount(places, confidence, ECE_BINS)
    hits = np.bincount(places, correct, ECE_BINS)
    return tuple(
        Bin(
            low=int(place) / ECE_BINS,
            high=(int(place) + 1) / ECE_BINS,
            texts=int(counts[place]),
            confidence=float(confidences[place] / counts[place]),
            accuracy=float(hits[place] / counts[place]),
        )
        for place in np.flatnonzero(counts)
    )


def interval(share: float, count: int) -> tuple[float, float]:
    """Compute the 95 % confidence interval of a share (Wilson, 1927).

    Args:
        share: The observed share, 0 to 1.
        count: The number of cases, at least one.
    """
    spread = _Z**2 / count
    middle = (share + spread / 2) / (1 + spread)
    half = math.sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)
