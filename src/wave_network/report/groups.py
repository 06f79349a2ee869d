"""How well texts that are alike in something are answered."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.report.reliability import interval

_GROUPS: Final = 5

Integers = NDArray[np.int64]


class Group(NamedTuple):
    """Texts that are alike in length or in the size of their class.

    Attributes:
        low: The least length or size among them.
        high: The largest.
        classes: How many classes they are of; None where that was not asked for.
        texts: How many they are.
        accuracy: The share answered rightly.
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
    """Texts of like values together.

    Args:
        values: One for each text.
        spread: The values whose quantiles part at most five groups.
        correct: Which texts are answered rightly.
        labels: The texts' classes, to be counted.
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
