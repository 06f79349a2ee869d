import mmap
import os
import tempfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_network.errors import OutputError
from wave_network.scale import arrays
from wave_network.scale.arrays import (
    ArrayWriter,
    OffsetWriter,
    blocks,
    flatnonzero,
    joined,
    permutation,
    take,
)


@pytest.fixture(params=["in memory", "in a file"])
def place(request, monkeypatch):
    if request.param == "in a file":
        monkeypatch.setattr(arrays, "BYTES_IN_MEMORY", 100)
    return request.param


def is_in_a_file(array):
    while isinstance(array.base, np.ndarray):
        array = array.base
    return isinstance(array.base, memoryview) and isinstance(array.base.obj, mmap.mmap)


@given(st.lists(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=9), max_size=9))
def test_an_array_is_what_was_appended(parts):
    for most in (8, 2**20):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(arrays, "BYTES_IN_MEMORY", most)
            writer = ArrayWriter(np.int32)
        for part in parts:
            writer.append(np.array(part, np.int64))
        found = writer.finish()
        assert found.tolist() == [value for part in parts for value in part]
        assert found.dtype == np.int32


def test_large_arrays_are_in_a_file_without_a_name(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(arrays, "BYTES_IN_MEMORY", 100)
    small, large = take(np.arange(99), np.arange(5)), take(np.arange(99), np.arange(50))
    assert not is_in_a_file(small)
    assert is_in_a_file(large)
    assert large.tolist() == list(range(50))
    assert not os.listdir(tmp_path)


def test_rows_of_a_table(place):
    table = np.arange(300, dtype=np.float32).reshape(100, 3)
    places = np.array([5, 99, 5, 0] * 10)
    assert np.array_equal(take(table, places), table[places])
    assert np.array_equal(joined([table, table[:7]]), np.concatenate([table, table[:7]]))
    assert joined([table[:0], table[:0]]).shape == (0, 3)


def test_helpers_give_what_numpy_gives(place, monkeypatch):
    monkeypatch.setattr(arrays, "AT_ONCE", 7)
    flags = np.random.default_rng(0).random(100) < 0.4
    assert np.array_equal(flatnonzero(flags), np.flatnonzero(flags))
    expected = np.random.default_rng(3).permutation(100)
    generator = np.random.default_rng(3)
    assert np.array_equal(permutation(100, generator), expected)
    after = np.random.default_rng(3)
    after.permutation(100)
    assert generator.random() == after.random()
    assert [(block.start, block.stop) for block in blocks(5, 2)] == [(0, 2), (2, 4), (4, 5)]


def test_offsets_are_the_sums_of_lengths(place):
    writer = OffsetWriter()
    for _ in range(20):
        writer.append(np.array([3, 0, 2]))
        writer.append(np.array([], np.int64))
    assert np.array_equal(writer.finish(), np.cumsum([0, *[3, 0, 2] * 20]))


def test_a_folder_that_cannot_take_an_array(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "BYTES_IN_MEMORY", 100)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(OutputError, match=r"the data cannot be copied to the temporary folder"):
        permutation(100, np.random.default_rng(0))
