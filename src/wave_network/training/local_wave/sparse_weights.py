"""Choose, mix and extend the weights of a sparse linear part (`models/local_wave/sparse.py`).

One label against the rest, a support vector machine gives a weight to every feature for every
label. With many labels nearly all of these are small, and leaving them out changes few predictions:
often it even corrects some.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.models.tensor_spec import Tensors
from wave_network.numerics.sparse import CsrMatrix, vertical


class _Entries(NamedTuple):
    """Entries of a matrix: their rows, labels and values; each (entries,)."""

    rows: NDArray[np.integer]
    labels: NDArray[np.integer]
    values: NDArray[np.float32]

    def followed_by(self, more: _Entries) -> _Entries:
        """Return these entries and others."""
        return _Entries(
            np.concatenate([self.rows, more.rows]),
            np.concatenate([self.labels, more.labels]),
            np.concatenate([self.values, more.values]),
        )

    def largest(self, size: int) -> _Entries:
        """Return the `size` largest by magnitude, or all if there are fewer."""
        if len(self.values) <= size:
            return self
        kept = np.argpartition(-np.abs(self.values), size - 1)[:size]
        return _Entries(self.rows[kept], self.labels[kept], self.values[kept])


class SparseLinearWeights(NamedTuple):
    """The weights of a sparse linear part.

    Attributes:
        starts: Where the weights of each token and bucket start, and the end of the last, int32.
        labels: The label of each weight, int32, (weights,).
        values: float32, (weights,).
        bias: float32, (labels,).
    """

    starts: NDArray[np.int32]
    labels: NDArray[np.int32]
    values: NDArray[np.float32]
    bias: NDArray[np.float32]

    def times(self, factor: float) -> SparseLinearWeights:
        """Multiply all weights by a factor."""
        scale = np.float32(factor)
        return self._replace(values=self.values * scale, bias=self.bias * scale)

    def tensors(self) -> Tensors:
        """Return the weights by the names of the model's tensors, which may have room for more."""
        return {
            "linear.starts": self.starts,
            "linear.labels": self.labels,
            "linear.values.weight": self.values[:, None],
            "linear.bias": self.bias,
        }

    @property
    def matrix(self) -> CsrMatrix:
        """The weights without the biases, (features, labels)."""
        stored = slice(self.starts[-1])
        labels = len(self.bias)
        return CsrMatrix.of_parts(self.values[stored], self.labels[stored], self.starts, labels)

    @classmethod
    def of_matrix(
        cls, matrix: CsrMatrix, bias: NDArray[np.float32], size: int
    ) -> SparseLinearWeights:
        """Keep the `size` largest weights of a matrix, (features, labels), without duplicates."""
        rows, labels, values = _Entries(matrix.rows, matrix.indices, matrix.data).largest(size)
        kept = CsrMatrix.of_entries(rows, labels, values, matrix.shape)
        return cls(kept.indptr.astype(np.int32), kept.indices, kept.data, bias)

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, NDArray[Any]]) -> SparseLinearWeights:
        """Read them from a model's tensors."""
        return cls(
            tensors["linear.starts"],
            tensors["linear.labels"],
            tensors["linear.values.weight"][:, 0],
            tensors["linear.bias"],
        )


class LargestWeights:
    """Collects weights label by label and keeps the largest, in memory for a few times as many.

    Args:
        size: Number of weights to keep.
    """

    def __init__(self, size: int) -> None:
        none = np.zeros(0, np.int64)
        self._found = _Entries(none, none, np.zeros(0, np.float32))
        self._size, self._least = size, 0.0

    def add(
        self, features: NDArray[np.integer], labels: NDArray[np.int64], weights: NDArray[np.float32]
    ) -> None:
        """Add the weights of some features for some labels, (features, labels)."""
        rows, columns = np.nonzero(np.abs(weights) > self._least)
        more = _Entries(features[rows], labels[columns], weights[rows, columns])
        self._found = self._found.followed_by(more)
        if len(self._found.values) > 2 * self._size:
            self._found = self._found.largest(self._size)
            self._least = float(np.abs(self._found.values).min())

    def matrix(self, scales: NDArray[np.float32], labels: int) -> CsrMatrix:
        """Return the largest weights, multiplied by the scale of each feature."""
        rows, columns, values = self._found.largest(self._size)
        return CsrMatrix.of_entries(rows, columns, values * scales[rows], (len(scales), labels))


def mixed(
    new: SparseLinearWeights, old: SparseLinearWeights, share: NDArray[np.float32]
) -> SparseLinearWeights:
    """Mix two linear parts, label by label; as many weights as the old one can store.

    Args:
        new: The one fitted on new rows.
        old: The one of the model so far.
        share: The share of the old one for each label, (labels,).
    """
    first, second = new.matrix.scaled_columns(1 - share), old.matrix.scaled_columns(share)
    both = CsrMatrix.of_entries(
        np.concatenate([first.rows, second.rows]),
        np.concatenate([first.indices, second.indices]),
        np.concatenate([first.data, second.data]),
        first.shape,
    )
    bias = (1 - share) * new.bias + share * old.bias
    return SparseLinearWeights.of_matrix(both, bias, len(old.values))


def grown_sparse_part(
    tensors: Tensors, vocab_size: int, labels: int, pieces: Sequence[Sequence[int]]
) -> Tensors:
    """Return the sparse linear part's tensors with rows for new tokens and biases for new labels.

    Args:
        tensors: Those of the model to continue.
        vocab_size: Its vocabulary size.
        labels: Number of labels, old and new. The weights of a new label are all 0.
        pieces: For each new token the ids that spelt it so far; it gets the sum of their weights.
    """
    part = SparseLinearWeights.of_tensors(tensors)
    matrix = part.matrix
    size, count = len(part.values), labels - len(part.bias)
    new = [_row_of_pieces(matrix, ids) for ids in pieces]
    rows = matrix.row_range(0, vocab_size), matrix.row_range(vocab_size, matrix.shape[0])
    matrix = vertical([rows[0], *new, rows[1]], labels)
    mean = part.bias.mean(keepdims=True, dtype=np.float32)
    bias = np.concatenate([part.bias, *[mean] * count])
    grown = SparseLinearWeights.of_matrix(matrix, bias, size)
    result = grown.tensors()
    for name in ("linear.labels", "linear.values.weight"):
        room = np.zeros((size, *result[name].shape[1:]), result[name].dtype)
        room[: len(result[name])] = result[name]
        result[name] = room
    return result


def _row_of_pieces(matrix: CsrMatrix, pieces: Sequence[int]) -> CsrMatrix:
    """Return the sum of some rows, (1, labels)."""
    rows = matrix.select_rows(np.array(pieces, np.int64))
    zeros = np.zeros(rows.nnz, np.int64)
    return CsrMatrix.of_entries(zeros, rows.indices, rows.data, (1, matrix.shape[1]))
