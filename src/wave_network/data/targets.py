"""Training targets: a class index for each text (hard), or a number for each class (soft).

Everything that depends on which of the two an array is stands here.
"""

from __future__ import annotations

from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

Targets: TypeAlias = NDArray[np.int64] | NDArray[np.float32]
"""Hard targets: class indices, int64, (texts,). Soft targets: float32, (texts, classes), each row
the probabilities of the classes, or with any number of labels a text 1 where it has the label."""


def is_soft(targets: Targets) -> bool:
    """Whether the targets have a number for each class."""
    return targets.ndim == 2


def most_probable(targets: Targets) -> NDArray[np.int64]:
    """Class indices, int64, (texts,): of soft targets, the most probable class."""
    return targets.argmax(axis=1) if is_soft(targets) else cast("NDArray[np.int64]", targets)


def soft_targets(targets: Targets, classes: int) -> NDArray[np.float32]:
    """The targets as a probability of each class, float32, (texts, classes); soft ones as such."""
    if is_soft(targets):
        return cast("NDArray[np.float32]", targets)
    result = np.zeros((len(targets), classes), np.float32)
    result[np.arange(len(targets)), targets] = 1
    return result


def class_totals(targets: Targets, classes: int) -> NDArray[np.floating | np.integer]:
    """How many texts each class has, (classes,): of soft targets, the sum of their numbers."""
    if is_soft(targets):
        return cast("NDArray[np.floating]", targets.sum(axis=0))
    return np.bincount(targets, minlength=classes)


def concatenate_targets(first: Targets, second: Targets) -> Targets:
    """The targets of two data sets, one after the other; soft ones if either is soft."""
    if is_soft(first):
        second = soft_targets(second, first.shape[1])
    elif is_soft(second):
        first = soft_targets(first, second.shape[1])
    return cast("Targets", np.concatenate([first, second]))
