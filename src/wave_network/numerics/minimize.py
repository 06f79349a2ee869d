"""Minimise smooth functions of a few variables within bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vector: TypeAlias = NDArray[np.float64]
Loss: TypeAlias = Callable[[Vector], tuple[float, Vector]]
"""Returns the value at a point, and the gradient."""

_MOST_STEPS: Final = 200
_MOST_HALVINGS: Final = 40
_TOLERANCE: Final = 1e-7  # of a step, where the variables are about 1
_ENOUGH: Final = 1e-4  # of the fall that the slope promises (Armijo, 1966)


def minimize(
    loss: Loss,
    start: Vector,
    least: float | Vector = -np.inf,
    most: float | Vector = np.inf,
) -> Vector:
    """Find a minimum by projected quasi-Newton steps (BFGS: Nocedal and Wright, 2006, chapter 6).

    Variables at a bound that the slope points beyond stay there; the others take a step. The first
    step has a length of at most 1.

    Args:
        loss: A smooth function; steps to where it is not finite are shortened.
        start: Where to start, moved within the bounds.
        least: The lower bound, of all or of each variable.
        most: The upper bound.
    """
    point = np.clip(np.asarray(start, np.float64), least, most)
    value, slope = loss(point)
    curvature = np.eye(len(point)) * max(1.0, float(np.linalg.norm(slope)))
    for turn in range(_MOST_STEPS):
        free = ~((point <= least) & (slope > 0) | (point >= most) & (slope < 0))
        newton = np.zeros_like(point)
        newton[free] = -np.linalg.solve(curvature[np.ix_(free, free)], slope[free])
        steepest = -slope * free / max(1.0, float(np.linalg.norm(slope)))
        # At a bound a quasi-Newton step may lead upwards.
        found = _shortened(loss, point, value, slope, newton, least, most) or _shortened(
            loss, point, value, slope, steepest, least, most
        )
        if found is None:
            return point
        moved, bent = found[0] - point, found[2] - slope
        if turn == 0 and moved @ bent > 0:
            curvature = np.eye(len(point)) * (bent @ bent) / (moved @ bent)
        curvature = _updated(curvature, moved, bent)
        point, value, slope = found
        if np.abs(moved).max(initial=0) <= _TOLERANCE:
            return point
    return point


def _shortened(
    loss: Loss,
    point: Vector,
    value: float,
    slope: Vector,
    step: Vector,
    least: float | Vector,
    most: float | Vector,
) -> tuple[Vector, float, Vector] | None:
    """Take a step, halved until the loss falls; None if it does not."""
    for _ in range(_MOST_HALVINGS):
        new = np.clip(point + step, least, most)
        promised = float(slope @ (new - point))
        if promised >= 0:
            return None
        found, new_slope = loss(new)
        if np.isfinite(found) and found <= value + _ENOUGH * promised:
            return new, found, new_slope
        step = step / 2
    return None


def _updated(curvature: Vector, moved: Vector, bent: Vector) -> Vector:
    """Return the estimate of the second derivatives after a step that changed the slope."""
    along = float(moved @ bent)
    if along <= 1e-12 * float(bent @ bent):
        return curvature
    pulled = curvature @ moved
    result: Vector = (
        curvature + np.outer(bent, bent) / along - np.outer(pulled, pulled) / (moved @ pulled)
    )
    return result
