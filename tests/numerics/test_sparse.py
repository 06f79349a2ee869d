"""Sparse matrices against SciPy's and dense ones, compiled and not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from native import every_form, native_hidden, needs_native
from sparse import as_scipy, of_dense, to_dense

from wave_network import _native
from wave_network._native import threads
from wave_network.numerics import sparse as module
from wave_network.numerics.sparse import CsrMatrix, horizontal, vertical


@st.composite
def matrices(draw, rows=None, columns=None):
    """Matrices with empty rows and columns, entries in several parts and stored zeros."""
    shape = (
        draw(st.integers(0, 9)) if rows is None else rows,
        draw(st.integers(1, 7)) if columns is None else columns,
    )
    lengths = draw(st.lists(st.integers(0, 5), min_size=shape[0], max_size=shape[0]))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = sum(lengths)
    values = random.integers(-3, 4, count).astype(np.float32) / 2
    places = random.integers(0, shape[1], count)
    return CsrMatrix.of_parts(values, places, np.cumsum([0, *lengths]), shape[1])


def check(found, expected):
    """Whether a matrix is well-formed and has these entries."""
    assert found.data.dtype == np.float32
    assert found.indices.dtype == np.int32
    assert found.indptr.dtype == np.int64
    assert found.shape == expected.shape
    np.testing.assert_allclose(to_dense(found), expected, rtol=1e-6, atol=1e-6)


@every_form
@settings(max_examples=60, deadline=None)
@given(matrix=matrices(), width=st.integers(0, 20), at_once=st.sampled_from([1, 7, 2**22]))
def test_products_with_dense_matrices(form, matrix, width, at_once):
    dense = np.random.default_rng(0).normal(size=(matrix.shape[1], width)).astype(np.float32)
    with native_hidden(form != "compiled"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_NUMBERS_AT_ONCE", at_once)
        found = matrix @ dense
        found_transposed = matrix.transposed() @ (matrix @ dense)
    assert found.dtype == np.float32
    expected = as_scipy(matrix) @ dense
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    expected = as_scipy(matrix).T @ expected
    np.testing.assert_allclose(found_transposed, expected, rtol=1e-5, atol=1e-4)


@every_form
@settings(max_examples=60, deadline=None)
@given(data=st.data(), matrix=matrices(), at_once=st.sampled_from([1, 7, 2**22]))
def test_products_with_sparse_matrices(form, data, matrix, at_once):
    other = data.draw(matrices(rows=matrix.shape[1]))
    with native_hidden(form != "compiled"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_NUMBERS_AT_ONCE", at_once)
        found = matrix.times(other)
    check(found, (as_scipy(matrix) @ as_scipy(other)).toarray())
    for row in range(found.shape[0]):
        columns = found.indices[found.indptr[row] : found.indptr[row + 1]]
        assert len(set(columns)) == len(columns)


@every_form
@settings(max_examples=40, deadline=None)
@given(matrix=matrices())
def test_transposing(form, matrix):
    with native_hidden(form != "compiled"):
        found = matrix.transposed()
    check(found, to_dense(matrix).T)
    for row in range(found.shape[0]):
        assert (np.diff(found.indices[found.indptr[row] : found.indptr[row + 1]]) >= 0).all()


@settings(max_examples=60, deadline=None)
@given(data=st.data(), matrix=matrices())
def test_selections_and_sums(data, matrix):
    dense = to_dense(matrix)
    rows, columns = dense.shape
    order = data.draw(st.lists(st.integers(0, max(rows - 1, 0)), max_size=9 if rows else 0))
    order = np.array(order, np.int64)
    check(matrix.select_rows(order), dense[order])
    start = data.draw(st.integers(0, rows))
    stop = data.draw(st.integers(start, rows))
    check(matrix.row_range(start, stop), dense[start:stop])
    kept = np.array(data.draw(st.lists(st.booleans(), min_size=columns, max_size=columns)))
    check(matrix.select_columns(kept), dense[:, kept])
    check(matrix.column_range(1, columns), dense[:, 1:columns])
    check(matrix.without_zeros(), dense)
    assert matrix.without_zeros().data.all()
    np.testing.assert_array_equal(
        matrix.column_counts(), np.bincount(matrix.indices, minlength=columns)
    )
    summed = matrix.summed()
    np.testing.assert_allclose(summed.row_squares(), np.square(dense).sum(axis=1), rtol=1e-5)
    scales = np.arange(columns) - 1.0
    check(matrix.scaled_columns(scales), dense * scales)
    check(matrix.scaled_rows(np.arange(rows)), dense * np.arange(rows)[:, None])
    lengths = np.linalg.norm(to_dense(summed.with_unit_rows()), axis=1)
    np.testing.assert_allclose(lengths, dense.any(axis=1), rtol=1e-5)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), first=matrices())
def test_joining(data, first):
    beside, below = (
        data.draw(matrices(**sizes))
        for sizes in ({"rows": first.shape[0]}, {"columns": first.shape[1]})
    )
    check(horizontal([first, beside]), np.hstack([to_dense(first), to_dense(beside)]))
    check(vertical([first, below], first.shape[1]), np.vstack([to_dense(first), to_dense(below)]))


@every_form
@settings(max_examples=40, deadline=None)
@given(matrix=matrices())
def test_summing(form, matrix):
    with native_hidden(form != "compiled"):
        found = matrix.summed()
    check(found, to_dense(matrix))
    places = found.rows * found.shape[1] + found.indices
    assert len(np.unique(places)) == len(places)


def test_making_matrices():
    rows, columns = np.array([2, 0, 2, 2]), np.array([1, 3, 0, 1])
    matrix = CsrMatrix.of_entries(rows, columns, np.array([1, 2, 3, 4]), (4, 5))
    expected = np.zeros((4, 5))
    expected[0, 3], expected[2, 0], expected[2, 1] = 2, 3, 5
    check(matrix, expected)
    assert matrix.nnz == 3
    check(CsrMatrix.of_dense(expected), expected)
    none = np.zeros(0, np.int64)
    check(CsrMatrix.of_entries(none, none, none, (3, 2)), np.zeros((3, 2)))
    check(CsrMatrix.of_entries(none, none, none, (0, 0)), np.zeros((0, 0)))
    check(vertical([], 4), np.zeros((0, 4)))


@needs_native
def test_the_number_of_threads_changes_no_bit():
    random = np.random.default_rng(0)
    matrix = of_dense(random.normal(size=(3_000, 40)) * (random.random((3_000, 40)) < 0.3))
    dense = random.normal(size=(40, 17)).astype(np.float32)
    found = []
    for count in (1, 2, 3, 8):
        with threads.using(count):
            found.append(matrix @ dense)
    assert all((other == found[0]).all() for other in found[1:])


INDPTR, INDICES = np.array([0, 2, 3]), np.array([0, 1, 4], np.int32)
VALUES, DENSE = np.ones(3, np.float32), np.ones((5, 2), np.float32)


@needs_native
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({0: np.array([0, 4, 3])}, "fall"),
        ({0: np.array([1, 2, 3])}, "belong together"),
        ({0: np.array([0, 2, 4])}, "belong together"),
        ({0: np.zeros(0, np.int64)}, "belong together"),
        ({1: INDICES + 1}, "outside"),
        ({1: INDICES - 1}, "outside"),
        ({2: VALUES[1:]}, "belong together"),
        ({3: DENSE[1:]}, "outside"),
        ({4: np.ones((3, 2), np.float32)}, "shape"),
        ({4: np.ones((2, 3), np.float32)}, "shape"),
        ({5: 2**40}, "out of range"),
    ],
)
def test_a_product_refuses_what_does_not_fit(changes, message):
    given = {0: INDPTR, 1: INDICES, 2: VALUES, 3: DENSE, 4: np.ones((2, 2), np.float32), 5: 1}
    with pytest.raises(ValueError, match=message):
        _native.compiled.sparse_times_dense(*{**given, **changes}.values())


@needs_native
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({1: INDICES + 1}, "outside"),
        ({4: INDICES + 1}, "outside"),
        ({6: 2**40}, "shape"),
        ({6: -1}, "shape"),
        ({7: np.zeros(1, np.int64)}, "shape"),
        ({8: np.zeros(3, np.int32)}, "shape"),
    ],
)
def test_a_sparse_product_refuses_what_does_not_fit(changes, message):
    given = {
        **{0: INDPTR, 1: INDICES, 2: VALUES},
        **{3: np.array([0, 1, 2, 2, 2, 3]), 4: INDICES, 5: VALUES},
        **{6: 5, 7: np.zeros(2, np.int64), 8: np.zeros(0, np.int32), 9: np.zeros(0, np.float32)},
    }
    assert _native.compiled.sparse_times_sparse(*given.values()) == 3
    with pytest.raises(ValueError, match=message):
        _native.compiled.sparse_times_sparse(*{**given, **changes}.values())


@needs_native
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({3: np.zeros(0, np.int64)}, "shape"),
        ({3: np.zeros(5, np.int64)}, "outside"),
        ({4: np.zeros(2, np.int32)}, "shape"),
        ({5: np.zeros(2, np.float32)}, "shape"),
        ({0: np.array([0, 4, 3])}, "fall"),
    ],
)
def test_transposing_refuses_what_does_not_fit(changes, message):
    given = {
        **{0: INDPTR, 1: INDICES, 2: VALUES},
        **{3: np.zeros(6, np.int64), 4: np.zeros(3, np.int32), 5: np.zeros(3, np.float32)},
    }
    with pytest.raises(ValueError, match=message):
        _native.compiled.transpose_rows(*{**given, **changes}.values())
