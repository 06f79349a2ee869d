"""Soft labels: each text's probability of every class."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wave_network.config import Label
from wave_network.data.plain_labels import plain_labels
from wave_network.errors import DataError

_TOLERANCE: Final = 1e-3  # allows for rounding to three digits


@dataclass(frozen=True)
class SoftLabels:
    """Each text's probability of every class.

    Attributes:
        classes: The classes, in the order of the columns.
        probabilities: float32, (texts, classes); every row sums to 1.
    """

    classes: tuple[Label, ...]
    probabilities: NDArray[np.float32]

    def select(self, texts: NDArray[np.int64]) -> SoftLabels:
        """Select texts by index, in the order of the indices."""
        return SoftLabels(self.classes, self.probabilities[texts])


def check_soft_labels(values: ArrayLike, classes: Iterable[Label] | None = None) -> SoftLabels:
    """Check an array of probabilities.

    Args:
        values: Numbers, (texts, classes), none below 0; every row sums to 1.
        classes: The labels of the columns: strings or integers; None: 0, 1, 2 and so on.

    Raises:
        DataError: If the values are not probabilities, or the classes do not fit them.
    """
    try:
        # A copy, as the rows are scaled in place; double precision for the sums.
        probabilities = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError("soft labels must be numbers: a row per text, a column per class") from None
    if probabilities.ndim != 2:
        raise DataError(
            f"soft labels have {probabilities.ndim} axes: give a row per text, a column per class"
        )
    names = tuple(range(probabilities.shape[1]) if classes is None else plain_labels(classes))
    if len(names) != probabilities.shape[1]:
        raise DataError(
            f"soft labels have {probabilities.shape[1]} columns and {len(names)} classes: name a"
            " class for each column"
        )
    if len(names) < 2 or len(set(names)) < len(names):
        raise DataError(f"the classes must be two or more, and distinct; got {list(names)!r:.60}")
    sums = probabilities.sum(axis=1)
    wrong = (probabilities < 0).any(axis=1) | ~(np.abs(sums - 1) <= _TOLERANCE)  # NaN is wrong too
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"soft label {row} is {probabilities[row].tolist()!r:.60}: give probabilities, none"
            " below 0, that sum to 1 (where a text has several labels: an array of integers)"
        )
    probabilities /= sums[:, None]
    return SoftLabels(names, probabilities.astype(np.float32))
