"""Whether the answers' probabilities mean what they say."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

BINS: Final = 15
_Z: Final = 1.959964  # the normal distribution's 97.5 % point


class Bin(NamedTuple):
    """The answers whose probability lies in one range.

    Attributes:
        low: Where the range starts; it is not part of it.
        high: Where it ends.
        texts: How many answers there are; a range without any is left out.
        confidence: Their mean probability.
        accuracy: The share of them that is right.
    """

    low: float
    high: float
    texts: int
    confidence: float
    accuracy: float


class Reliability(NamedTuple):
    """How well probabilities are calibrated.

    Attributes:
        bins: The ranges that hold answers, the lowest first.
        ece: Expected calibration error: the bins' mean distance between confidence and accuracy,
            weighted by their texts.
        brier: Squared distance of all probabilities from the truth, summed over the classes: 0 to
            2, the lower the better.
    """

    bins: tuple[Bin, ...]
    ece: float
    brier: float


def reliability(probabilities: NDArray[np.floating], labels: NDArray[np.int64]) -> Reliability:
    """Sort the answers into 15 ranges of equal width (Guo et al., 2017).

    Args:
        probabilities: (texts, classes).
        labels: Class indices, (texts,).
    """
    exact = probabilities.astype(np.float64)
    confidence, correct = exact.max(axis=1), exact.argmax(axis=1) == labels
    places = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    counts = np.bincount(places, minlength=BINS)
    confidences = np.bincount(places, confidence, BINS)
    hits = np.bincount(places, correct, BINS)
    bins = tuple(
        Bin(
            low=int(place) / BINS,
            high=(int(place) + 1) / BINS,
            texts=int(counts[place]),
            confidence=float(confidences[place] / counts[place]),
            accuracy=float(hits[place] / counts[place]),
        )
        for place in np.flatnonzero(counts)
    )
    true = exact[np.arange(len(labels)), labels]
    return Reliability(
        bins=bins,
        ece=float(np.abs(confidences - hits).sum() / len(labels)),
        brier=float(np.mean(np.square(exact).sum(axis=1) - 2 * true + 1)),
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
