"""Accuracy by groups of texts: by length, or by the size of the class."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.report.reliability import interval

_GROUPS: Final = 5

Integers = NDArray[np.int64]


class Group(NamedTuple):
    """Texts of similar length, or of classes of similar size.

    Attributes:
        low: The smallest length or size in the group.
        high: The largest.
        classes: Number of classes; None if not counted.
        texts: Number of texts.
        accuracy: The share predicted correctly.
        interval: The 95 % confidence interval of that share.
    """

    low: int
    high: int
    classes: int | None
    texts: int
    accuracy: float
    interval: tuple[float, float]


def groups(
    values: Integers,
    spread: Integers,
    correct: NDArray[np.bool_],
    labels: Integers | None = None,
) -> list[Group]:
    """Group texts by their values.

    Args:
        values: One for each text.
        spread: The values whose quantiles separate the groups, at most five.
        correct: Which texts are predicted correctly.
        labels: The texts' classes, to count them.
    """
    if not len(values):
        return []
    shares = np.linspace(0, 1, _GROUPS + 1)[1:]
    edges = np.unique(np.quantile(spread, shares, method="lower"))
    places = np.searchsorted(edges, values, side="left")
    result = []
    for place in np.unique(places):
        members = places == place
        count, accuracy = int(members.sum()), float(correct[members].mean())
        result.append(
            Group(
                low=int(values[members].min()),
                high=int(values[members].max()),
                classes=None if labels is None else len(np.unique(labels[members])),
                texts=count,
                accuracy=accuracy,
                interval=interval(accuracy, count),
            )
        )
    return result
