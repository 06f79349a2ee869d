"""Truncated singular value decomposition of a sparse matrix, randomised (Halko et al., 2011)."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network import _native
from wave_network.numerics.dense import inner, product
from wave_network.numerics.sparse import CsrMatrix

_EXTRA: Final = 10  # directions beside those that are asked for, for accuracy
_LEAST: Final = 1e-6  # singular values below this share of the largest are rounding errors


class RightSingular(NamedTuple):
    """The largest singular values of a matrix, and their right singular vectors.

    Attributes:
        values: Descending, float32, (rank,).
        vectors: Columns of length 1, float32, (columns of the matrix, rank).
    """

    values: NDArray[np.float32]
    vectors: NDArray[np.float32]


def randomized_svd(matrix: CsrMatrix, rank: int, seed: int, rounds: int = 4) -> RightSingular:
    """Find the largest singular values and their right singular vectors.

    Args:
        matrix: (rows, columns).
        rank: How many to find; fewer are found if the matrix has a lower rank.
        seed: Seed of the random start.
        rounds: Rounds of subspace iteration: the more, the more accurate.
    """
    transposed = matrix.transposed()
    size = min(rank + _EXTRA, *matrix.shape)
    random = np.random.default_rng(seed)
    basis = matrix @ random.standard_normal((matrix.shape[1], size), np.float32)
    for _ in range(rounds):
        basis = matrix @ (transposed @ _orthonormal(basis))
    projected = transposed @ _orthonormal(basis)  # (columns, size)
    values, rotation = _principal(projected)
    values, rotation = values[:rank], rotation[:, :rank]
    return RightSingular(values.astype(np.float32), product(projected, rotation / values))


def _orthonormal(columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return orthonormal columns that span what the given ones do, (rows, at most size)."""
    values, rotation = _principal(columns)
    return product(columns, rotation / values)


def _principal(
    columns: NDArray[np.float32],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return singular values, descending, and right singular vectors of a tall matrix.

    Those that are 0 but for rounding are left out.
    """
    squares, rotation = _eigenvectors(inner(columns, columns))
    kept = squares > squares[:1] * _LEAST**2
    return np.sqrt(squares[kept]), rotation[:, kept]


def _eigenvectors(
    symmetric: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return eigenvalues, descending, and eigenvectors of a matrix without negative eigenvalues.

    A LAPACK may give other bits with other threads.
    """
    if _native.compiled is None:
        values, vectors = np.linalg.eigh(symmetric)  # ascending
        return values[::-1], vectors[:, ::-1]
    axes = symmetric.copy()
    _native.compiled.principal_axes(axes)
    values = np.sqrt(np.square(axes).sum(axis=1))
    order = np.argsort(-values, kind="stable")
    vectors = np.divide(axes.T, values, out=np.zeros_like(axes), where=values > 0)
    return values[order], vectors[:, order]
