"""The matrices of fastText's models: means, products, and the codes of product quantisation."""

import numpy as np
import pytest
from native import every_form, native_hidden

from wave_network._native.threads import using
from wave_network.models.fasttext.matrix import (
    CodedMatrix,
    DenseMatrix,
    matrix_of,
    ordered_product,
)

RANDOM = np.random.default_rng(0)


def dense(rows=9, columns=5):
    return DenseMatrix(RANDOM.normal(size=(rows, columns)).astype(np.float32))


def coded(rows=9, columns=5, block=2, norms=True):
    codes = RANDOM.integers(256, size=(rows, -(-columns // block))).astype(np.uint8)
    centroids = RANDOM.normal(size=256 * columns).astype(np.float32)
    scales = RANDOM.normal(size=rows).astype(np.float32) if norms else None
    return CodedMatrix(codes, centroids, block, scales)


MATRICES = {
    "dense": dense(),
    "coded": coded(),
    "a block wider than the matrix": coded(columns=3, block=8),
    "without norms": coded(columns=4, norms=False),
}


def in_order(matrix, rows):
    """The mean of rows, added up one after the other in 32 bits."""
    total = np.zeros(matrix.shape[1], np.float32)
    for row in matrix.rows(np.array(rows, np.int64)):
        total += row
    return total * np.float32(1 / len(rows)) if rows else total


@every_form
@pytest.mark.parametrize("name", MATRICES)
def test_means_are_added_in_order(name, form):
    matrix = MATRICES[name]
    texts = [RANDOM.integers(9, size=length).tolist() for length in (3, 0, 40, 1, 0)]
    ids = np.array(sum(texts, []), np.int32)  # noqa: RUF017
    offsets = np.cumsum([0, *map(len, texts)])
    with native_hidden(form == "not compiled"):
        found = matrix.means(ids, offsets)
    np.testing.assert_array_equal(found, [in_order(matrix, rows) for rows in texts])
    assert found.dtype == np.float32


def test_a_coded_row_is_its_centroids_times_its_norm():
    matrix = coded()
    (row,) = matrix.rows(np.array([4]))
    parts = [
        matrix.centroids[512 * part :][: 256 * width].reshape(256, width)[matrix.codes[4, part]]
        for part, width in ((0, 2), (1, 2), (2, 1))
    ]
    np.testing.assert_array_equal(row, np.concatenate(parts) * matrix.norms[4])


@every_form
@pytest.mark.parametrize("name", MATRICES)
def test_products_are_added_in_order(name, form):
    matrix = MATRICES[name]
    hidden = RANDOM.normal(size=(70, matrix.shape[1])).astype(np.float32)
    factors, norms = matrix.factors()
    with native_hidden(form == "not compiled"):
        found = ordered_product(hidden, factors)
    expected = np.zeros_like(found)
    for place in range(matrix.shape[1]):
        expected += hidden[:, place, None] * factors[place]
    np.testing.assert_array_equal(found, expected)
    if norms is not None:
        found *= norms
    np.testing.assert_allclose(found, hidden @ matrix.rows(np.arange(9)).T, rtol=1e-4, atol=1e-5)


def test_threads_change_nothing():
    matrix, ids = coded(rows=500, columns=16), RANDOM.integers(500, size=5_000).astype(np.int32)
    offsets = np.arange(0, 5_001, 5)
    found = []
    for count in (1, 4):
        with using(count):
            means = matrix.means(ids, offsets)
            found.append((means, ordered_product(means, matrix.factors()[0])))
    np.testing.assert_array_equal(*[means for means, _ in found])
    np.testing.assert_array_equal(*[products for _, products in found])


def test_a_matrix_is_built_from_a_models_tensors():
    one = coded()
    tensors = {
        "input.codes": one.codes,
        "input.centroids": one.centroids,
        "input.norm_codes": np.arange(9, dtype=np.uint8),
        "input.norm_centroids": np.linspace(0, 1, 256, dtype=np.float32),
        "output.weight": dense().weight,
    }
    found = matrix_of(tensors, "input", 2)
    np.testing.assert_array_equal(found.norms, np.linspace(0, 1, 256, dtype=np.float32)[:9])
    assert found.shape == (9, 5)
    assert matrix_of(tensors, "output", 0).shape == (9, 5)
