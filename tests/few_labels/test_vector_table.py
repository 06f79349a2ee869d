import numpy as np

from wave_network.few_labels.vector_table import frequency_weights, principal_components

DRAWS = np.random.default_rng(0)


def test_frequent_words_weigh_less():
    weights = frequency_weights(20_000)
    assert (weights.dtype, weights.shape) == (np.float32, (20_000,))
    assert (np.diff(weights) > 0).all()
    assert 0 < weights[0] < 0.1
    assert 0.9 < weights[-1] < 1


def test_components_are_those_of_a_singular_value_decomposition():
    vectors = (DRAWS.normal(size=(200, 9)) * np.linspace(3, 1, 9) + 5).astype(np.float32)
    found = principal_components(vectors, 4)
    assert (found.dtype, found.shape) == (np.float32, (200, 4))
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-5)
    left, values, _ = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(np.abs(found), np.abs(left * values)[:, :4], atol=1e-3)


def test_all_components_keep_the_distances():
    vectors = DRAWS.normal(size=(50, 7)).astype(np.float32)
    found = principal_components(vectors, 100)
    assert found.shape == (50, 7)
    before = np.linalg.norm(vectors[:, None] - vectors, axis=2)
    np.testing.assert_allclose(np.linalg.norm(found[:, None] - found, axis=2), before, atol=1e-4)


def test_centre_and_components_may_come_from_some_rows():
    vectors = DRAWS.normal(size=(50, 7)).astype(np.float32)
    some = np.arange(50) < 30
    alone = principal_components(vectors[some], 3)
    np.testing.assert_allclose(principal_components(vectors, 3, some)[some], alone, atol=1e-5)


def test_few_and_equal_vectors():
    assert np.isfinite(principal_components(np.ones((1, 4), np.float32), 2)).all()
    np.testing.assert_array_equal(principal_components(np.ones((5, 4), np.float32), 2), 0)
