"""Support vector machines for many labels, one against the texts that are most like its own.

With many labels most texts have little in common with any one of them, and its machine learns
nothing from them. So each text is a negative example only for the labels that a naive Bayes
classifier takes it for most. Features are not scaled by label here, as with few labels: a label
with a dozen texts does not tell how strongly a feature predicts it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.data.targets import Targets, is_soft, most_probable
from wave_network.numerics.sparse import CsrMatrix
from wave_network.numerics.svm import MANY_TEXTS, one_against_rest, passes_for
from wave_network.training.local_wave.sparse_weights import LargestWeights, SparseLinearWeights

_MOST_LABELS: Final = 20
"""Labels of which a text may be a negative example."""

_VALUES_AT_ONCE: Final = 4_000_000  # bounds the memory


class Examples(NamedTuple):
    """What the machines are fitted on.

    Attributes:
        features: (texts, features), each text of about unit length.
        targets: Class indices, (texts,), or 1 where a text has a label, else 0, (texts, labels).
        weights: The weight of each text, above 0, (texts,).
    """

    features: CsrMatrix
    targets: Targets
    weights: NDArray[np.float32]


def sparse_linear_weights(
    examples: Examples,
    blocks: Sequence[NDArray[np.int64]],
    scales: NDArray[np.float32],
    labels: int,
    size: int,
    seed: int,
) -> SparseLinearWeights:
    """Fit the weights of all labels and keep the largest.

    Args:
        examples: The texts.
        blocks: The labels that some texts have and some do not, some at a time.
        scales: The scale of each feature, which the weights are multiplied by in the end,
            (features,).
        labels: Number of labels.
        size: Number of weights to keep.
        seed: Seed of the order of the texts.
    """
    features, targets, costs = (
        examples.features,
        examples.targets,
        MANY_TEXTS.cost * examples.weights,
    )
    likely = _likely_texts(features, targets, labels) if labels > _MOST_LABELS else None
    passes = passes_for(len(costs))
    largest = LargestWeights(size)
    bias = np.full(labels, -1.0, np.float32)
    for chosen in blocks:
        texts = np.arange(len(costs))
        if likely is not None:
            texts = np.unique(likely.select_rows(chosen).indices)
        columns, compact = _compact(features.select_rows(texts))
        own = targets[texts]
        having = own[:, chosen] > 0.5 if is_soft(targets) else own[:, None] == chosen
        even = np.ones((len(columns), len(chosen)), np.float32)
        weights, bias[chosen] = one_against_rest(
            compact, having, even, costs[texts], seed, most_passes=passes
        )
        largest.add(columns, chosen, weights)
    return SparseLinearWeights.of_matrix(largest.matrix(scales, labels), bias, size)


def _compact(features: CsrMatrix) -> tuple[NDArray[np.int32], CsrMatrix]:
    """Return the features that some text has, and a matrix of these alone."""
    used = features.column_counts() > 0
    return np.flatnonzero(used).astype(np.int32), features.select_columns(used)


def _likely_texts(features: CsrMatrix, targets: Targets, labels: int) -> CsrMatrix:
    """Return the texts that each label must be told from, and its own, (labels, texts)."""
    texts = features.shape[0]
    own = CsrMatrix.of_dense(targets) if is_soft(targets) else _one_hot(targets, labels)
    weights = features.transposed().times(own)  # (features, labels)
    everywhere = features.column_counts() == texts  # `[CLS]`
    weights = weights.with_data(np.log1p(weights.data)).scaled_rows(~everywhere).without_zeros()
    rows = max(1, _VALUES_AT_ONCE // labels)
    likely = [
        row
        for begin in range(0, texts, rows)
        for row in _largest_of_rows(
            features.row_range(begin, min(begin + rows, texts)).times(weights)
        )
    ]
    lengths = np.array([len(row) for row in likely])
    owners = np.concatenate([np.repeat(np.arange(texts), lengths), own.rows])
    chosen = np.concatenate([*likely, own.indices])
    return CsrMatrix.of_entries(chosen, owners, np.ones(len(owners)), (labels, texts))


def _largest_of_rows(scores: CsrMatrix) -> Iterator[NDArray[np.int32]]:
    """Yield the labels with the largest scores of each text."""
    for start, end in pairwise(scores.indptr):
        labels, values = scores.indices[start:end], scores.data[start:end]
        if len(labels) > _MOST_LABELS:
            labels = labels[np.argpartition(values, -_MOST_LABELS)[-_MOST_LABELS:]]
        yield labels


def _one_hot(targets: Targets, labels: int) -> CsrMatrix:
    texts = len(targets)
    ones = np.ones(texts, np.float32)
    return CsrMatrix.of_parts(ones, most_probable(targets), np.arange(texts + 1), labels)
