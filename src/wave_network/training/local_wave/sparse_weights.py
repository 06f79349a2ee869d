"""Choose, mix and extend the weights of a sparse linear part (`models/local_wave/sparse.py`).

One label against the rest, a support vector machine gives a weight to every feature for every
label. With many labels nearly all of these are small, and leaving them out changes few predictions:
often it even corrects some.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array, vstack

from wave_network.models.tensor_spec import Tensors

SolvedBlock: TypeAlias = tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]
"""Some labels, their weights, (features, labels), and biases."""


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

    @property
    def matrix(self) -> csr_array:
        """The weights without the biases, (features, labels)."""
        shape = (len(self.starts) - 1, len(self.bias))
        stored = slice(self.starts[-1])
        return csr_array((self.values[stored], self.labels[stored], self.starts), shape=shape)

    @classmethod
    def of_matrix(
        cls, matrix: csr_array, bias: NDArray[np.float32], size: int
    ) -> SparseLinearWeights:
        """Keep the `size` largest weights of a matrix, (features, labels), without duplicates."""
        kept = matrix.tocoo()
        rows, labels, values = _largest(kept.row, kept.col, kept.data, size)
        kept = coo_array((values, (rows, labels)), shape=matrix.shape).tocsr()
        kept.sort_indices()
        return cls(
            kept.indptr.astype(np.int32),
            kept.indices.astype(np.int32),
            kept.data.astype(np.float32),
            bias,
        )

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, NDArray[Any]]) -> SparseLinearWeights:
        """Read them from a model's tensors."""
        return cls(
            tensors["linear.starts"],
            tensors["linear.labels"],
            tensors["linear.values.weight"][:, 0],
            tensors["linear.bias"],
        )


def largest_weights(
    blocks: Iterable[SolvedBlock], scales: NDArray[np.float32], labels: int, size: int
) -> SparseLinearWeights:
    """Keep the largest weights of all labels, in memory for a few times as many.

    Args:
        blocks: The weights of the labels, some at a time; labels that are left out have none.
        scales: What the weights of each feature are multiplied by once they are chosen, as
            `linear_features` returns them, (features,).
        labels: Number of labels.
        size: Number of weights to keep.
    """
    none = np.zeros(0, np.int64)
    found: tuple[NDArray[Any], ...] = (none, none, np.zeros(0, np.float32))
    bias = np.full(labels, -1.0, np.float32)
    least = 0.0
    for chosen, weights, biases in blocks:
        bias[chosen] = biases
        rows, columns = np.nonzero(np.abs(weights) > least)
        more = rows, chosen[columns], weights[rows, columns]
        found = tuple(map(np.concatenate, zip(found, more, strict=True)))
        if len(found[0]) > 2 * size:
            found = _largest(*found, size)
            least = float(np.abs(found[2]).min())
    rows, columns, values = _largest(*found, size)
    entries = (values * scales[rows], (rows, columns))
    matrix = coo_array(entries, shape=(len(scales), labels)).tocsr()
    return SparseLinearWeights.of_matrix(matrix, bias, size)


def mixed(
    new: SparseLinearWeights, old: SparseLinearWeights, share: NDArray[np.float32]
) -> SparseLinearWeights:
    """Mix two linear parts, label by label; as many weights as the old one can store.

    Args:
        new: The one fitted on new rows.
        old: The one of the model so far.
        share: The share of the old one for each label, (labels,).
    """
    matrices = []
    for part, weight in ((new, 1 - share), (old, share)):
        matrix = part.matrix
        matrix.data = matrix.data * weight[matrix.indices]
        matrices.append(matrix)
    bias = (1 - share) * new.bias + share * old.bias
    return SparseLinearWeights.of_matrix(matrices[0] + matrices[1], bias, len(old.values))


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
    matrix.resize((matrix.shape[0], labels))
    new = [csr_array(matrix[list(ids)].sum(axis=0)[None]) for ids in pieces]
    matrix = csr_array(vstack([matrix[:vocab_size], *new, matrix[vocab_size:]]))
    mean = part.bias.mean(keepdims=True, dtype=np.float32)
    bias = np.concatenate([part.bias, *[mean] * count])
    grown = SparseLinearWeights.of_matrix(matrix, bias, size)
    places, values = np.zeros(size, np.int32), np.zeros((size, 1), np.float32)
    places[: len(grown.labels)], values[: len(grown.values), 0] = grown.labels, grown.values
    return {
        "linear.starts": grown.starts,
        "linear.labels": places,
        "linear.values.weight": values,
        "linear.bias": bias,
    }


def _largest(
    rows: NDArray[Any], labels: NDArray[Any], values: NDArray[np.float32], size: int
) -> tuple[NDArray[Any], ...]:
    """Return the `size` largest weights by magnitude, or all if there are fewer."""
    if len(values) <= size:
        return rows, labels, values
    kept = np.argpartition(-np.abs(values), size - 1)[:size]
    return rows[kept], labels[kept], values[kept]
