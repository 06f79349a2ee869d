"""The matrices of a fastText model: of numbers, or product-quantised.

A product-quantised row is a code for each block of columns: the code's centroid stands for the
columns. The last block may have fewer. The row may be scaled by its norm, which has a code, too.

fastText adds up in 32 bits, in the order of the rows and columns, and its sigmoid is a table in
which the last bit can decide. So the sums here have the same order.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from wave_network import _native
from wave_network._native import threads
from wave_network.models.fasttext.tensors import CENTROIDS
from wave_network.models.numpy_ops import Floats, Integers
from wave_network.models.tensor_spec import Tensors

_NUMBERS_AT_ONCE = 2**24


class Matrix(Protocol):
    """A matrix of a fastText model."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""

    def rows(self, ids: Integers) -> Floats:
        """Return rows, (ids, columns)."""

    def means(self, ids: Integers, offsets: Integers) -> Floats:
        """Return the mean of the rows of each text, (texts, columns); 0 for one without rows."""

    def factors(self) -> tuple[Floats, Floats | None]:
        """Return the matrix without its norms, transposed, and the norms of its rows, if any."""


class DenseMatrix:
    """A matrix of numbers.

    Args:
        weight: float32, (rows, columns).
    """

    def __init__(self, weight: Floats) -> None:
        self.weight = np.ascontiguousarray(weight)
        self.shape: tuple[int, int] = weight.shape

    def rows(self, ids: Integers) -> Floats:
        """As `Matrix.rows`."""
        rows: Floats = self.weight.take(ids, axis=0)
        return rows

    def means(self, ids: Integers, offsets: Integers) -> Floats:
        """As `Matrix.means`."""
        if _native.compiled is None:
            return _means(self, ids, offsets)
        means = np.empty((len(offsets) - 1, self.shape[1]), np.float32)
        packed = ids.astype(np.int32, copy=False), offsets.astype(np.int64, copy=False)
        _native.compiled.row_means(*packed, self.weight, means, threads.current())
        return means

    def factors(self) -> tuple[Floats, Floats | None]:
        """As `Matrix.factors`."""
        return np.ascontiguousarray(self.weight.T), None


class CodedMatrix:
    """A product-quantised matrix.

    Args:
        codes: uint8, (rows, blocks).
        centroids: float32, (256 * columns,), those of each block one after the other.
        block: Columns of each block but the last.
        norms: float32, (rows,); None: the rows have none.
    """

    def __init__(
        self, codes: NDArray[np.uint8], centroids: Floats, block: int, norms: Floats | None
    ) -> None:
        self.codes, self.centroids = np.ascontiguousarray(codes), np.ascontiguousarray(centroids)
        self.block, self.norms = block, norms
        self.shape: tuple[int, int] = len(codes), len(centroids) // CENTROIDS

    def rows(self, ids: Integers) -> Floats:
        """As `Matrix.rows`."""
        rows = self._without_norms(self.codes[ids])
        if self.norms is not None:
            rows *= self.norms[ids, None]
        return rows

    def means(self, ids: Integers, offsets: Integers) -> Floats:
        """As `Matrix.means`."""
        if _native.compiled is None:
            return _means(self, ids, offsets)
        means = np.empty((len(offsets) - 1, self.shape[1]), np.float32)
        _native.compiled.coded_row_means(
            ids.astype(np.int32, copy=False),
            offsets.astype(np.int64, copy=False),
            self.codes,
            self.centroids,
            self.block,
            self.norms,
            means,
            threads.current(),
        )
        return means

    def factors(self) -> tuple[Floats, Floats | None]:
        """As `Matrix.factors`."""
        return np.ascontiguousarray(self._without_norms(self.codes).T), self.norms

    def _without_norms(self, codes: NDArray[np.uint8]) -> Floats:
        columns = self.shape[1]
        rows = np.empty((len(codes), columns), np.float32)
        for place, start in enumerate(range(0, columns, self.block)):
            width = min(self.block, columns - start)
            first = CENTROIDS * start
            centroids = self.centroids[first : first + CENTROIDS * width].reshape(CENTROIDS, width)
            rows[:, start : start + width] = centroids[codes[:, place]]
        return rows


def matrix_of(tensors: Tensors, name: str, block: int) -> Matrix:
    """Build the matrix `input` or `output` from a model's tensors.

    Args:
        tensors: The tensors.
        name: Its name.
        block: Columns of a block; 0: it is not quantised.
    """
    if not block:
        return DenseMatrix(tensors[f"{name}.weight"])
    norm_codes, norms = tensors.get(f"{name}.norm_codes"), None
    if norm_codes is not None:
        norms = tensors[f"{name}.norm_centroids"][norm_codes]
    return CodedMatrix(tensors[f"{name}.codes"], tensors[f"{name}.centroids"], block, norms)


def ordered_product(left: Floats, right: Floats) -> Floats:
    """Multiply matrices, and add the products up in the order of the inner axis, in 32 bits."""
    result = np.zeros((len(left), right.shape[1]), np.float32)
    if _native.compiled is not None:
        rows = np.ascontiguousarray(left), np.ascontiguousarray(right)
        _native.compiled.ordered_product(*rows, result, threads.current())
        return result
    for column, row in zip(left.T, right, strict=True):
        result += column[:, None] * row
    return result


def _means(matrix: Matrix, ids: Integers, offsets: Integers) -> Floats:
    """Compute `Matrix.means` without compiled code, in parts of bounded memory."""
    columns = matrix.shape[1]
    means = np.zeros((len(offsets) - 1, columns), np.float32)
    lengths = np.diff(offsets)
    most = max(1, _NUMBERS_AT_ONCE // columns)
    for text, (start, length) in enumerate(
        zip(offsets[:-1].tolist(), lengths.tolist(), strict=True)
    ):
        for first in range(start, start + length, most):
            rows = matrix.rows(ids[first : min(first + most, start + length)])
            rows[0] += means[text]  # what is added first does not change the order
            means[text] = np.add.reduce(rows, axis=0)
    shares = np.divide(1.0, lengths, out=np.zeros(len(lengths)), where=lengths > 0)
    means *= shares.astype(np.float32)[:, None]
    return means
