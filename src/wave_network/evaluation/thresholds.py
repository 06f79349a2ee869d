"""From which probability on a text gets a label: chosen on the validation texts."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.data.targets import Targets

_FEWEST: Final = 5  # texts with a label: below, its threshold stays 0.5
_PRIOR: Final = 10  # texts with a label at which the threshold goes half the way to the best one


def choose_thresholds(probabilities: NDArray[np.floating], targets: Targets) -> tuple[float, ...]:
    """The threshold of each label at which its F1 is best, drawn towards 0.5 where texts are few.

    The best threshold of few texts is chance: with n texts that have the label, n / (n + 10) of
    the way from 0.5 is gone (in log-odds), and none if n is below 5.

    Args:
        probabilities: Of each label by itself, (texts, labels).
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
    # Of equally good thresholds the one nearest to 0.5, in the middle of its gap.
    below = np.append(log_odds[1:], log_odds[-1])[best]
    middles = (log_odds[best] + below) / 2
    middle = float(middles[np.abs(middles).argmin()])
    return float(1 / (1 + np.exp(-middle * positives / (positives + _PRIOR))))
