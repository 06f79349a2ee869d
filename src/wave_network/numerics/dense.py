"""Products and systems of dense matrices, the same whatever the number of threads.

A BLAS may add in another order with other threads, which would change the last bits.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network import _native
from wave_network._native import threads

_SHORTEST: Final = 1e-6  # length of a row that is not 0 by rounding


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


def solve(matrix: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve `matrix @ x = right` by elimination.

    Args:
        matrix: Symmetric and positive definite, so that no rows need be exchanged, (size, size).
        right: (size, columns).

    Returns:
        (size, columns).
    """
    size = len(matrix)
    upper, solution = matrix.astype(np.float64), right.astype(np.float64)
    for row in range(size):
        factors = upper[row + 1 :, row] / upper[row, row]
        upper[row + 1 :] -= np.outer(factors, upper[row])
        solution[row + 1 :] -= np.outer(factors, solution[row])
    for row in reversed(range(size)):
        solution[row] /= upper[row, row]
        solution[:row] -= np.outer(upper[:row, row], solution[row])
    return solution


def unit_rows(rows: NDArray[np.floating]) -> NDArray[np.float32]:
    """Scale rows to length 1; those that are all but 0 become 0. float32, (rows, columns)."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    result: NDArray[np.float32] = np.divide(
        rows, lengths, out=np.zeros_like(rows), where=lengths > _SHORTEST
    ).astype(np.float32, copy=False)
    return result
