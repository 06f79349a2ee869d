"""The token embeddings start at vectors."""

import numpy as np
import pytest

from wave_network.config import LocalWaveConfig
from wave_network.models.tensor_spec import initial_tensors
from wave_network.models.tensors import tensor_specs
from wave_network.training.local_wave.start import start_at, start_size

CONFIG = LocalWaveConfig(labels=("a", "b"), vocab_size=12, cls_token_id=0, hidden_size=4)


def started(vectors):
    """The token table before and after."""
    tensors = initial_tensors(tensor_specs(CONFIG), seed=0)
    before = tensors["embedding.weight"].copy()
    start_at(tensors, vectors, CONFIG)
    return before, tensors["embedding.weight"]


def test_both_variants_start_at_the_vectors_with_the_spread_of_the_random_start():
    assert start_size(CONFIG) == 4
    vectors = np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32)
    vectors[[0, 11]] = 0
    given = vectors.copy()
    random, table = started(vectors)
    np.testing.assert_array_equal(table[1:11, :2], table[1:11, 4:6])
    assert np.sqrt(np.square(table[1:11, :2]).mean()) == pytest.approx(0.1, rel=1e-5)
    np.testing.assert_array_equal(table[[0, 11]], random[[0, 11]])
    np.testing.assert_array_equal(table[:, 2:4], random[:, 2:4])
    np.testing.assert_array_equal(vectors, given)


@pytest.mark.parametrize("columns", [3, 0])
def test_texts_that_tell_nothing_leave_the_random_start(columns):
    random, table = started(np.zeros((12, columns), np.float32))
    np.testing.assert_array_equal(table, random)


@pytest.mark.parametrize("known", [1, 5])
def test_one_column_of_equal_vectors_is_a_start(known):
    vectors = np.zeros((12, 1), np.float32)
    vectors[:known] = 1
    _, table = started(vectors)
    np.testing.assert_allclose(table[:known, [0, 4]], 0.1, rtol=1e-6)
