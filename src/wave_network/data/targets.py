"""Training targets: a class index for each text (hard), or a number for each class (soft)."""

from __future__ import annotations

from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from wave_network.scale.arrays import joined

Targets: TypeAlias = NDArray[np.int64] | NDArray[np.float32]
"""Hard targets: class indices, int64, (texts,). Soft targets: float32, (texts, classes), each row
the probabilities of the classes; multi-label: 1 where the text has the label, else 0."""


def is_soft(targets: Targets) -> bool:
    """Return whether the targets are soft."""
    return targets.ndim == 2


def most_probable(targets: Targets) -> NDArray[np.int64]:
    """Return class indices, int64, (texts,); of soft targets, the most probable class."""
    return targets.argmax(axis=1) if is_soft(targets) else cast("NDArray[np.int64]", targets)


def soft_targets(targets: Targets, classes: int) -> NDArray[np.float32]:
    """Convert targets to soft targets, float32, (texts, classes); soft ones do not change."""
    if is_soft(targets):
        return cast("NDArray[np.float32]", targets)
    result = np.zeros((len(targets), classes), np.float32)
    result[np.arange(len(targets)), targets] = 1
    return result


def class_totals(targets: Targets, classes: int) -> NDArray[np.floating | np.integer]:
    """Count the texts of each class, (classes,); soft targets are summed."""
    if is_soft(targets):
        return cast("NDArray[np.floating]", targets.sum(axis=0))
    return np.bincount(targets, minlength=classes)


def concatenate_targets(first: Targets, second: Targets) -> Targets:
    """Concatenate targets; the result is soft if either is soft."""
    if is_soft(first):
        second = soft_targets(second, first.shape[1])
    elif is_soft(second):
        first = soft_targets(first, second.shape[1])
    return cast("Targets", joined([first, second]))
