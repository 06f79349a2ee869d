import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from wave_network.quantization import (
    dequantize_table,
    dequantize_tensors,
    quantize_table,
    quantize_tensors,
    stored_forms,
)

TABLE = arrays(
    np.float32,
    st.tuples(st.integers(1, 9), st.integers(1, 5)),
    elements=st.floats(-1e6, 1e6, width=32, allow_subnormal=False),
)


@given(TABLE, st.booleans())
@example(
    table=np.array([[2e-5, 1e-5]], np.float32), by_row=False
)  # half-way, and rounded to 32 bits
def test_a_table_comes_back_within_half_a_scale(table, by_row):
    values, scale = quantize_table(table, by_row=by_row)
    back = dequantize_table(values, scale)
    assert values.dtype == np.int8
    assert scale.shape == ((len(table), 1) if by_row else (1, 1))
    rounding = 127 * 2**-23  # twice half a unit in the last place of at most 127 scales
    assert (np.abs(back.astype(float) - table) <= (0.5 + rounding) * scale + 1e-37).all()


@given(TABLE, st.booleans())
def test_rounding_twice_changes_nothing_more(table, by_row):
    once = quantize_table(table, by_row=by_row)
    again = quantize_table(dequantize_table(*once), by_row=by_row)
    np.testing.assert_array_equal(again[0], once[0])
    np.testing.assert_allclose(again[1], once[1], rtol=1e-6)


def test_a_small_row_keeps_its_digits_beside_a_large_one():
    table = np.array([[1000.0, -500.0], [0.001, 0.0005]], np.float32)
    back = dequantize_table(*quantize_table(table, by_row=True))
    np.testing.assert_allclose(back, table, rtol=0.01)
    assert not dequantize_table(*quantize_table(table, by_row=False))[1].any()


def test_a_table_of_zeros_stays_one():
    zeros = np.zeros((3, 2), np.float32)
    for by_row in (True, False):
        np.testing.assert_array_equal(dequantize_table(*quantize_table(zeros, by_row=by_row)), 0)


@pytest.mark.parametrize("tables", [["embedding.weight"], ["embedding.weight", "bigrams.weight"]])
def test_only_the_tables_are_rounded(tables):
    random = np.random.default_rng(0)
    names = [*tables, "classifier.weight"]
    tensors = {name: random.normal(size=(7, 4)).astype(np.float32) for name in names}
    stored = quantize_tensors(tensors)
    assert stored["classifier.weight"] is tensors["classifier.weight"]
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    forms = stored_forms(shapes, quantized=True)
    assert {name: (tensor.shape, str(tensor.dtype)) for name, tensor in stored.items()} == forms
    back = dequantize_tensors(stored)
    assert back.keys() == tensors.keys()
    for name in names:
        assert back[name].dtype == np.float32
        np.testing.assert_allclose(back[name], tensors[name], atol=0.02)
    assert stored_forms(shapes, quantized=False) == {name: ((7, 4), "float32") for name in names}
