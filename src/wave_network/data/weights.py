"""Check sample weights, and leave out rows of weight 0."""

from __future__ import annotations

from typing import Final

import numpy as np

from wave_network.data.table import Table
from wave_network.errors import DataError

WEIGHTLESS: Final = "weight 0"
"""Why rows are left out."""


def without_weightless(rows: Table) -> Table:
    """Check the weights, and leave out rows of weight 0.

    Raises:
        DataError: If a weight is not a finite number from 0, or all are 0.
    """
    weights = rows["weight"]
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong):
        raise DataError(
            f"weight {wrong[0]} is {weights[wrong[0]]}: weights are finite numbers from 0"
        )
    if weights.all():
        return rows
    if not weights.any():
        raise DataError("all weights are zero: give at least one text a weight above 0")
    return rows.select(np.flatnonzero(weights))
