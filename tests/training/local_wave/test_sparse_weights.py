"""The largest weights are kept, mixed and extended as those of a dense matrix would be."""

import numpy as np
import pytest
from sparse import of_dense as sparse_of
from sparse import to_dense

from wave_network.training.local_wave.sparse_weights import (
    LargestWeights,
    SparseLinearWeights,
    grown_sparse_part,
    mixed,
)


@pytest.fixture
def dense():
    return np.random.default_rng(0).normal(size=(9, 40)).astype(np.float32)


def of_dense(matrix, size, bias=None):
    bias = np.arange(matrix.shape[1], dtype=np.float32) if bias is None else bias
    return SparseLinearWeights.of_matrix(sparse_of(matrix), bias, size)


def test_the_largest_weights_are_kept_whatever_the_order_of_the_labels(dense):
    kept = LargestWeights(50)
    for labels in np.random.default_rng(1).permutation(40).reshape(8, 5):
        kept.add(np.arange(9), labels, dense[:, labels])
    least = np.sort(np.abs(dense), axis=None)[-50]
    expected = np.where(np.abs(dense) >= least, dense, 0)
    scales = np.linspace(1, 2, 9, dtype=np.float32)
    found = kept.matrix(scales, labels=40)
    np.testing.assert_allclose(to_dense(found), expected * scales[:, None])


def test_fewer_weights_than_there_is_room_for_are_all_kept(dense):
    weights = of_dense(dense, 1_000)
    np.testing.assert_array_equal(to_dense(weights.matrix), dense)
    assert {array.dtype for array in weights[:2]} == {np.dtype("int32")}
    np.testing.assert_allclose(to_dense(weights.times(3).matrix), 3 * dense, rtol=1e-6)
    np.testing.assert_allclose(weights.times(3).bias, 3 * weights.bias)


def test_mixing_is_label_by_label(dense):
    share = np.random.default_rng(2).random(40).astype(np.float32)
    old, new = of_dense(dense, 360), of_dense(dense[::-1].copy(), 360, np.ones(40, np.float32))
    found = mixed(new, old, share)
    expected = (1 - share) * dense[::-1] + share * dense
    np.testing.assert_allclose(to_dense(found.matrix), expected, atol=1e-6)
    np.testing.assert_allclose(found.bias, (1 - share) + share * old.bias, atol=1e-6)


def test_new_tokens_get_the_weights_of_their_pieces_and_new_labels_none(dense):
    part = of_dense(dense, 400)
    tensors = {
        "linear.starts": part.starts,
        "linear.labels": np.append(part.labels, np.zeros(40, np.int32)),
        "linear.values.weight": np.append(part.values, np.zeros(40, np.float32))[:, None],
        "linear.bias": part.bias,
    }
    grown = grown_sparse_part(tensors, vocab_size=5, labels=42, pieces=[[1, 2], [4]])
    assert grown["linear.values.weight"].shape == (400, 1)
    found = to_dense(SparseLinearWeights.of_tensors(grown).matrix)
    rows = [dense[:5], dense[1:3].sum(axis=0, keepdims=True), dense[4:5], dense[5:]]
    expected = np.hstack([np.vstack(rows), np.zeros((11, 2))])
    least = np.sort(np.abs(expected), axis=None)[-400]
    np.testing.assert_allclose(found, np.where(np.abs(expected) >= least, expected, 0), atol=1e-6)
    np.testing.assert_allclose(grown["linear.bias"][40:], part.bias.mean())
