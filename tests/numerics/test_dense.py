import numpy as np
import pytest
from native import every_form, native_hidden, needs_native

from wave_network import _native
from wave_network._native import threads
from wave_network.numerics.dense import inner, product, solve, unit_rows


@every_form
@pytest.mark.parametrize(
    ("rows", "size", "width"), [(0, 3, 2), (3, 0, 2), (1_031, 13, 9), (5, 1, 1)]
)
def test_products_are_those_of_numpy(form, rows, size, width):
    random = np.random.default_rng(0)
    left, right = random.normal(size=(rows, size)), random.normal(size=(size, width))
    other = random.normal(size=(rows, width))
    with native_hidden(form != "compiled"):
        found, found_inner = product(left, right), inner(left, other)
    assert (found.dtype, found_inner.dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(found, left @ right, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found_inner, left.T @ other, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(("size", "columns"), [(1, 1), (5, 3), (60, 2)])
def test_systems_are_solved_as_by_numpy(size, columns):
    random = np.random.default_rng(0)
    root, right = random.normal(size=(size, 80)), random.normal(size=(size, columns))
    matrix = root @ root.T + np.eye(size)
    before = matrix.copy(), right.copy()
    np.testing.assert_allclose(solve(matrix, right), np.linalg.solve(matrix, right), rtol=1e-8)
    np.testing.assert_array_equal(matrix, before[0])
    np.testing.assert_array_equal(right, before[1])


@needs_native
def test_the_number_of_threads_changes_no_bit():
    random = np.random.default_rng(0)
    left = random.normal(size=(40_003, 20)).astype(np.float32)
    found = []
    for count in (1, 2, 3, 8):
        with threads.using(count):
            found.append((product(left, left[:20]), inner(left, left)))
    for one, other in found[1:]:
        np.testing.assert_array_equal(one, found[0][0])
        np.testing.assert_array_equal(other, found[0][1])


@needs_native
@pytest.mark.parametrize(
    ("function", "shapes", "dtype"),
    [
        ("dense_product", ((4, 3), (2, 2), (4, 2)), np.float32),
        ("dense_product", ((4, 3), (3, 2), (4, 3)), np.float32),
        ("dense_product", ((4, 3), (3, 2), (3, 2)), np.float32),
        ("dense_inner", ((4, 3), (3, 2), (3, 2)), np.float64),
        ("dense_inner", ((4, 3), (4, 2), (2, 2)), np.float64),
        ("dense_inner", ((4, 3), (4, 2), (3, 3)), np.float64),
    ],
)
def test_other_shapes_are_refused(function, shapes, dtype):
    left, right = (np.ones(shape, np.float32) for shape in shapes[:2])
    with pytest.raises(ValueError, match="belong together"):
        getattr(_native.compiled, function)(left, right, np.empty(shapes[2], dtype), 1)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_rows_of_length_one(kind):
    rows = np.array([[3, 4], [0, 0], [1e-9, 0], [-2, 0]], kind)
    found = unit_rows(rows)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[0.6, 0.8], [0, 0], [0, 0], [-1, 0]], rtol=1e-6)
    assert unit_rows(rows[:0]).shape == (0, 2)
