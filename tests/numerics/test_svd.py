import os
import subprocess
import sys

import numpy as np
import pytest
from native import every_form, native_hidden
from sklearn.utils.extmath import randomized_svd as library_svd
from sparse import as_scipy, of_dense

from wave_network._native import threads
from wave_network.numerics.svd import randomized_svd


def drawn(rows=300, columns=120):
    """A sparse matrix whose singular values fall slowly, as those of texts do."""
    random = np.random.default_rng(0)
    chances = random.gamma(0.3, size=(rows, 8)) @ random.gamma(0.3, size=(8, columns))
    return of_dense(random.poisson(0.2 * chances))


@every_form
def test_the_largest_values_and_their_vectors_are_found(form):
    matrix = drawn()
    with native_hidden(form != "compiled"):
        values, vectors = randomized_svd(matrix, 10, seed=0)
    assert (values.dtype, vectors.dtype) == (np.float32, np.float32)
    _, expected, rows = np.linalg.svd(as_scipy(matrix).toarray())
    np.testing.assert_allclose(values, expected[:10], rtol=5e-3)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(10), atol=1e-4)
    np.testing.assert_allclose(np.abs(np.sum(vectors[:, :5] * rows[:5].T, axis=0)), 1, atol=1e-3)


@pytest.mark.parametrize("rounds", [0, 1, 2, 4])
def test_it_is_as_accurate_as_the_library(rounds):
    matrix = drawn()
    _, library, _ = library_svd(as_scipy(matrix), 20, n_iter=rounds, random_state=0)
    found = randomized_svd(matrix, 20, seed=0, rounds=rounds).values
    assert np.square(found).sum() >= 0.995 * np.square(library).sum()


@pytest.mark.parametrize("shape", [(1, 1), (3, 12), (12, 3), (40, 40)])
def test_a_low_rank_gives_fewer_vectors(shape):
    random = np.random.default_rng(0)
    rank = min(2, *shape)
    dense = random.normal(size=(shape[0], rank)) @ random.normal(size=(rank, shape[1]))
    values, vectors = randomized_svd(of_dense(dense), 10, seed=0)
    assert (len(values), vectors.shape) == (rank, (shape[1], rank))
    np.testing.assert_allclose(values, np.linalg.svd(dense)[1][:rank], rtol=1e-4)


def test_a_matrix_of_zeros_has_no_vectors():
    values, vectors = randomized_svd(of_dense(np.zeros((4, 3))), 2, seed=0)
    assert (len(values), vectors.shape) == (0, (3, 0))


def test_the_number_of_threads_changes_no_bit():
    found = []
    for count in (1, 2, 3, 8):
        with threads.using(count):
            found.append(randomized_svd(drawn(3_000, 500), 110, seed=0))
    assert all((other.vectors == found[0].vectors).all() for other in found[1:])


def test_nor_does_the_number_of_threads_of_the_blas():
    code = (
        "import numpy as np, zlib\n"
        "from wave_network.numerics.sparse import CsrMatrix\n"
        "from wave_network.numerics.svd import randomized_svd\n"
        "dense = np.random.default_rng(0).poisson(0.05, (2_000, 400))\n"
        "found = randomized_svd(CsrMatrix.of_dense(dense), 110, seed=0)\n"
        "print(zlib.crc32(found.vectors.tobytes()))\n"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "OPENBLAS_NUM_THREADS": str(count)},
            capture_output=True,
            check=True,
        ).stdout
        for count in (1, 2)
    }
    assert len(found) == 1
