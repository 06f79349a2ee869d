import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from wave_network.errors import ConfigError
from wave_network.models.tensor_spec import TensorSpec
from wave_network.persistence.quantization import (
    dequantize_table,
    dequantize_tensors,
    pack_table,
    quantize_table,
    quantize_tensors,
    rows_a_scale,
    stored_forms,
    unpack_table,
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


PACKED = arrays(
    np.float32,
    st.tuples(st.integers(1, 70), st.integers(1, 40)),
    elements=st.floats(-4e5, 4e5, width=32),
)


@given(PACKED)
@example(np.full((3, 2), 9.8 * 2**-24, np.float32))  # a scale that 16 bits hold roughly
@example(np.full((1, 1), 1e-45, np.float32))
@example(np.full((2, 3), 458_528, np.float32))  # the largest
def test_in_4_bits_a_table_comes_back_within_half_a_scale(table):
    packed, scale = pack_table(table)
    rows, columns = table.shape
    assert packed.dtype == np.uint8
    assert packed.shape == ((rows + 1) // 2, columns)
    assert scale.dtype == np.float16
    assert len(scale) == -(-rows // rows_a_scale(columns))
    back = unpack_table(packed, scale, rows)
    assert back.dtype == np.float32
    assert back.shape == table.shape
    scales = np.repeat(scale.astype(float), rows_a_scale(columns), axis=0)[:rows]
    rounding = 7 * 2**-23  # as above
    assert (np.abs(back.astype(float) - table) <= (0.5 + rounding) * scales + 1e-37).all()


@given(
    arrays(np.int8, st.tuples(st.integers(1, 70), st.integers(1, 40)), elements=st.integers(-7, 7))
)
def test_what_4_bits_can_hold_comes_back_as_it_was(levels):
    levels[:, 0] = 7  # so that the scale is known
    table = levels * np.float32(0.25)
    packed, scale = pack_table(table)
    assert (scale == 0.25).all()
    np.testing.assert_array_equal(unpack_table(packed, scale, len(table)), table)


def test_in_4_bits_small_rows_keep_their_digits_beside_a_large_one():
    table = np.array([[1000.0] * 32, [0.007] * 32], np.float32)
    np.testing.assert_allclose(unpack_table(*pack_table(table), 2), table, rtol=0.01)


@pytest.mark.parametrize("number", [1e6, np.inf, np.nan])
def test_what_no_scale_of_16_bits_reaches_is_refused(number):
    with pytest.raises(ConfigError, match="cannot be in 4 bits"):
        pack_table(np.array([[1, number]], np.float32))


@pytest.mark.parametrize("tables", [["embedding.weight"], ["embedding.weight", "bigrams.weight"]])
@pytest.mark.parametrize(("bits", "error"), [(8, 0.02), (4, 0.3)])
def test_only_the_tables_are_rounded(tables, bits, error):
    random = np.random.default_rng(0)
    names = [*tables, "classifier.weight"]
    tensors = {name: random.normal(size=(7, 4)).astype(np.float32) for name in names}
    scales = dict(zip(tables, ("row", "table"), strict=False))
    specs = [TensorSpec(name, (7, 4), "layer", scales=scales.get(name)) for name in names]
    stored = quantize_tensors(tensors, specs, bits)
    if bits == 8:
        assert {name: len(stored[name.replace("weight", "scale")]) for name in tables} == {
            name: {"row": 7, "table": 1}[scales[name]] for name in tables
        }
    assert stored["classifier.weight"] is tensors["classifier.weight"]
    forms = stored_forms(specs, bits)
    assert {name: (tensor.shape, str(tensor.dtype)) for name, tensor in stored.items()} == forms
    back = dequantize_tensors(stored, specs, bits)
    assert back.keys() == tensors.keys()
    for name in names:
        assert back[name].dtype == np.float32
        np.testing.assert_allclose(back[name], tensors[name], atol=error)
    assert stored_forms(specs, 32) == {name: ((7, 4), "float32") for name in names}
