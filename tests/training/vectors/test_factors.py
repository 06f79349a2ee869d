import numpy as np
import pytest

from wave_network.numerics.sparse import CsrMatrix
from wave_network.training.vectors.factors import associations, factorise


def counts_of(words=40, groups=4, seed=0):
    """Counts of words that stand mostly beside words of their group; the last is beside none."""
    random = np.random.default_rng(seed)
    group = np.arange(words) % groups
    rates = np.where(group[:, None] == group, 20.0, 2.0)
    half = np.triu(random.poisson(rates))
    counts = (half + half.T).astype(np.float32)
    counts[-1] = counts[:, -1] = 0
    return counts


def test_associations_are_positive_pointwise_mutual_information():
    counts = counts_of()
    shares = counts.sum(axis=0) ** 0.75
    shares /= shares.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = np.log(counts / counts.sum(axis=1, keepdims=True) / shares)
    expected = np.where(counts > 0, np.maximum(expected, 0), 0).T
    found = associations(CsrMatrix.of_dense(counts))
    np.testing.assert_allclose(found @ np.eye(40), expected, atol=1e-5)
    assert (found.data > 0).all()


def test_words_with_the_same_neighbours_are_similar():
    vectors = factorise(CsrMatrix.of_dense(counts_of()), 8, seed=0)[:-1]
    lengths = np.linalg.norm(vectors, axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-5)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    assert (cosines.argmax(axis=1) % 4 == np.arange(39) % 4).all()


@pytest.mark.parametrize("words", [2, 5])
def test_few_words_have_vectors_of_the_size_as_well(words):
    vectors = factorise(CsrMatrix.of_dense(counts_of(words, 2)), 16, seed=0)
    assert vectors.shape == (words, 16)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()


def test_no_neighbours_give_no_vectors():
    none = CsrMatrix.of_dense(np.zeros((3, 3), np.float32))
    assert not factorise(none, 4, seed=0).any()
