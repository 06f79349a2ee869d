"""Products of tall dense matrices, the same whatever the number of threads.

A BLAS may add in another order with other threads, which would change the last bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wave_network import _native
from wave_network._native import threads


def product(left: NDArray[np.floating], right: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return `left @ right`, float32.

    Args:
        left: (rows, inner), of many rows.
        right: (inner, columns).
    """
    left, right = (np.ascontiguousarray(part, np.float32) for part in (left, right))
    if _native.compiled is None:
        result: NDArray[np.float32] = left @ right
        return result
    result = np.empty((left.shape[0], right.shape[1]), np.float32)
    _native.compiled.dense_product(left, right, result, threads.current())
    return result


def inner(left: NDArray[np.floating], right: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return `left.T @ right`, float64, with sums in 64 bits.

    Args:
        left: (rows, m), of many rows.
        right: (rows, n).
    """
    left, right = (np.ascontiguousarray(part, np.float32) for part in (left, right))
    if _native.compiled is None:
        return left.T.astype(np.float64) @ right
    result = np.empty((left.shape[1], right.shape[1]), np.float64)
    _native.compiled.dense_inner(left, right, result, threads.current())
    return result
