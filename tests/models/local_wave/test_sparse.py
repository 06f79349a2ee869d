"""The sparse linear part gives what a dense matrix of the same weights gives."""

from itertools import pairwise

import numpy as np
import pytest
from local_networks import IDS, OFFSETS, VOCABULARY, every_ngrams, make_weights

from wave_network.errors import ModelFolderError
from wave_network.models.local_wave.ngrams import NGRAMS, ngram_buckets
from wave_network.models.local_wave.sparse import SparseLinear

DAMAGED = {
    "linear.starts": [(3, 9_000), (0, 1), (5, -1)],
    "linear.labels": [(7, 3), (7, -1)],
}


def dense(config, tensors):
    """The same weights, (rows, labels)."""
    starts = tensors["linear.starts"]
    matrix = np.zeros((len(starts) - 1, config.num_labels))
    for row in range(len(matrix)):
        for entry in range(starts[row], starts[row + 1]):
            label = tensors["linear.labels"][entry]
            matrix[row, label] += tensors["linear.values.weight"][entry, 0]
    return matrix


@every_ngrams
def test_logits_are_those_of_the_dense_matrix(ngrams):
    config, tensors = make_weights("modulation", 1, 0.5, 400, ngrams, 100)
    matrix, found = dense(config, tensors), SparseLinear(config, tensors).logits(IDS, OFFSETS)
    for number, (start, stop) in enumerate(pairwise(OFFSETS)):
        text = IDS[start:stop].astype(np.int64)
        expected = tensors["linear.bias"] + matrix[text].sum(axis=0) / len(text) ** 0.5
        for kind in ngrams:
            if len(text) > NGRAMS[kind].reach:
                rows = VOCABULARY + ngram_buckets(kind, text, config.linear_buckets)
                expected = expected + matrix[rows].sum(axis=0) / (len(text) - 1) ** 0.5
        np.testing.assert_allclose(found[number], expected, rtol=1e-5, atol=1e-6)


def test_products_are_those_of_the_dense_matrix():
    config, tensors = make_weights("modulation", 1, 0.5, 400, ("pair", "skip-pair"), 100)
    sparse, matrix = SparseLinear(config, tensors), dense(config, tensors)
    vectors = np.random.default_rng(0).normal(size=(len(OFFSETS) - 1, 3)).astype(np.float32)
    for _, found in sparse.occurrences(IDS, OFFSETS):
        expected = (matrix[found.rows] * vectors[found.texts]).sum(axis=1)
        np.testing.assert_allclose(sparse.products(found, vectors), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [(name, place, value) for name, cases in DAMAGED.items() for place, value in cases],
)
def test_damaged_rows_are_refused(name, place, value):
    config, tensors = make_weights("modulation", 1, 0.5, 400, ("pair",), 100)
    damaged = tensors[name].copy()
    damaged[place] = value
    with pytest.raises(ModelFolderError, match="sparse linear part do not exist"):
        SparseLinear(config, {**tensors, name: damaged})
