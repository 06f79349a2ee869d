"""Choose the thresholds of a multi-label model on validation data."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.data.targets import Targets

_FEWEST: Final = 5  # the threshold of a label with fewer texts stays 0.5
_PRIOR: Final = 10  # with so many texts of a label, its threshold goes halfway to the best one


def choose_thresholds(probabilities: NDArray[np.floating], targets: Targets) -> tuple[float, ...]:
    """Choose each label's threshold by its F1, shrunk towards 0.5 with few texts.

    With n texts that have the label, the threshold goes n / (n + 10) of the way from 0.5 to the one
    with the best F1, in log-odds; it stays 0.5 if n is below 5.

    Args:
        probabilities: The probability of each label, (texts, labels).
        targets: 1 where a text has a label, else 0, (texts, labels).
    """
    return tuple(
        round(_threshold(column, truth > 0.5), 4)
        for column, truth in zip(probabilities.T.astype(np.float64), targets.T, strict=True)
    )


def _threshold(probabilities: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    positives = int(truth.sum())
    if positives < _FEWEST:
        return 0.5
    order = np.argsort(-probabilities, kind="stable")
    ranked = np.clip(probabilities[order], 1e-4, 1 - 1e-4)
    log_odds = np.log(ranked) - np.log1p(-ranked)
    given = np.arange(1, len(order) + 1)
    f1 = 2 * truth[order].cumsum() / (given + positives)
    f1[:-1][ranked[1:] == ranked[:-1]] = 0  # no threshold lies between equal probabilities
    best = np.flatnonzero(f1 == f1.max())
    # Among equally good thresholds take the one nearest to 0.5, in the middle of its gap.
    below = np.append(log_odds[1:], log_odds[-1])[best]
    middles = (log_odds[best] + below) / 2
    middle = float(middles[np.abs(middles).argmin()])
    return float(1 / (1 + np.exp(-middle * positives / (positives + _PRIOR))))
