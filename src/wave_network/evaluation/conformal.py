"""Prediction sets with a stated coverage: split conformal prediction.

A prediction set holds the labels whose probability reaches a threshold (the least ambiguous
set-valued classifier: Sadinle, Lei and Wasserman 2019). The threshold for a coverage c is the k-th
highest of the true labels' probabilities on n validation texts, k = ceil((n + 1) c). If a new text
is exchangeable with these n, as when all are drawn at random from one source, its set contains its
true label with a probability of at least c, and of at most c + 1 / (n + 1) without ties. This holds
for any model, on average over texts, but not for each class or kind of text.
"""

from __future__ import annotations

from math import ceil, floor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.errors import ConfigError, option_name

STEPS: Final = 1_000
"""Coverages have steps of a thousandth; others are rounded up."""


def conformal_thresholds(
    probabilities: NDArray[np.floating], labels: NDArray[np.int64]
) -> list[float]:
    """Return the thresholds for coverages of 1, 2, ... thousandths.

    Args:
        probabilities: Probabilities of texts outside the training data, (texts, classes).
        labels: Their class indices, (texts,).

    Returns:
        Probabilities, never rising, rounded down to 6 digits. There are 999, or fewer with fewer
        than 999 texts: n texts give a coverage of at most n / (n + 1).
    """
    texts = len(labels)
    true = np.sort(probabilities[np.arange(texts), labels])[::-1]
    most = min(STEPS - 1, STEPS * texts // (texts + 1))
    ranks = [-(-(texts + 1) * step // STEPS) for step in range(1, most + 1)]  # rounded up
    return [floor(float(true[rank - 1]) * 1e6) / 1e6 for rank in ranks]


def threshold_for(coverage: float, thresholds: list[float] | None) -> float:
    """Return the least probability of a label in a prediction set of this coverage.

    Args:
        coverage: Above 0 and below 1.
        thresholds: The result of `conformal_thresholds`; None for a model without any.

    Raises:
        ConfigError: If there are no thresholds, or too few for this coverage.
    """
    if not 0 < coverage < 1:
        raise ConfigError(f"{option_name('coverage')} must be between 0 and 1; got {coverage}")
    if not thresholds:
        raise ConfigError(
            "this model has no prediction sets: it had no validation texts, or is of an older"
            " version; train it again with more texts"
        )
    step = ceil(round(STEPS * coverage, 6))  # 0.07 is 70.00000000000001 thousandths
    if step > len(thresholds):
        raise ConfigError(
            f"coverage {coverage} needs more validation texts than this model had: ask for at most "
            f"{len(thresholds) / STEPS}"
        )
    return thresholds[step - 1]
