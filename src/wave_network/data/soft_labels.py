"""Soft labels: for each text a probability of every class, where hard labels name one class."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wave_network.config import Label
from wave_network.data.plain_labels import plain_labels
from wave_network.errors import DataError

_TOLERANCE: Final = 1e-3  # what rounding to three digits leaves


@dataclass(frozen=True)
class SoftLabels:
    """A probability of each class for each text, to learn from.

    Attributes:
        classes: The classes, in the order of the columns.
        probabilities: float32, (texts, classes); every row sums to 1.
    """

    classes: tuple[Label, ...]
    probabilities: NDArray[np.float32]

    def select(self, texts: NDArray[np.int64]) -> SoftLabels:
        """Those of the given texts, in their order."""
        return SoftLabels(self.classes, self.probabilities[texts])


def check_soft_labels(values: ArrayLike, classes: Iterable[Label] | None = None) -> SoftLabels:
    """Check an array of probabilities.

    Args:
        values: Numbers, (texts, classes), none below 0, every row with the sum 1.
        classes: What the columns stand for: strings or integers; None takes 0, 1, 2 and so on.

    Raises:
        DataError: If they are no probabilities, or the classes do not fit them.
    """
    try:
        # Copied, as the rows are scaled in place; summed in full precision.
        probabilities = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError("soft labels must be numbers, a row a text, a column a class") from None
    if probabilities.ndim != 2:
        raise DataError(
            f"soft labels have {probabilities.ndim} axes: give two, a row a text, a column a class"
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
