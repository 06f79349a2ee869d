"""Whether the answers' probabilities mean what they say."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.evaluation.calibration import ECE_BINS

_Z: Final = 1.959964  # the normal distribution's 97.5 % point


class Bin(NamedTuple):
    """The answers whose probability lies in one range.

    Attributes:
        low: Where the range starts; it is not part of it.
        high: Where it ends.
        texts: How many answers there are; a range without any is left out. Of many labels each
            label of each text counts.
        confidence: Their mean probability.
        accuracy: The share of them that is right; of many labels, of texts with the label.
    """

    low: float
    high: float
    texts: int
    confidence: float
    accuracy: float


def reliability_bins(
    probabilities: NDArray[np.floating], labels: NDArray[np.int64]
) -> tuple[Bin, ...]:
    """Sort the answers into the ranges of `expected_calibration_error`.

    Args:
        probabilities: (texts, classes).
        labels: Class indices, (texts,).

    Returns:
        The ranges that hold answers, the lowest first.
    """
    return _bins(probabilities.max(axis=1), probabilities.argmax(axis=1) == labels)


def reliability_bins_of_sets(
    probabilities: NDArray[np.floating], truth: NDArray[np.bool_]
) -> tuple[Bin, ...]:
    """Sort the probabilities of all labels of all texts into ranges.

    Args:
        probabilities: Of each label by itself, (texts, labels).
        truth: Whether a text has a label, (texts, labels).

    Returns:
        As `reliability_bins`.
    """
    return _bins(probabilities.ravel(), truth.ravel())


def _bins(confidence: NDArray[np.floating], correct: NDArray[np.bool_]) -> tuple[Bin, ...]:
    """The ranges of answers of these probabilities, (answers,)."""
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
    """The 95 % confidence interval of a share (Wilson, 1927).

    Args:
        share: What was observed, from 0 to 1.
        count: In how many cases, at least one.
    """
    spread = _Z**2 / count
    middle = (share + spread / 2) / (1 + spread)
    half = math.sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)
