"""The sinusoidal positional encoding, in NumPy: training and the runtime share one table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def sinusoidal_positions(length: int, size: int, scale: float) -> NDArray[np.float32]:
    """Compute sines in the even columns and cosines in the odd ones.

    The wavelengths grow geometrically from 2 pi to 10,000 * 2 pi (Vaswani et al. 2017, section
    3.5). The papers add a positional encoding (paper 1, Fig. 6a) without saying which.

    Args:
        length: Number of positions.
        size: Number of columns.
        scale: Root mean square of the entries. With the standard deviation of the embeddings,
            tokens and positions have equal weight at the start.

    Returns:
        The table, float32, (length, size).
    """
    position = np.arange(length, dtype=np.float64)[:, None]  # (length, 1)
    column = np.arange(size, dtype=np.float64)[None, :]  # (1, size)
    angle = position / 10_000 ** (2 * (column // 2) / size)
    table = np.where(column % 2 == 0, np.sin(angle), np.cos(angle))
    scaled: NDArray[np.float32] = (table * (scale * np.sqrt(2.0))).astype(np.float32)
    return scaled
