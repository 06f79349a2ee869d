import os
import tempfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_network.data import texts as module
from wave_network.data.texts import Texts, TextWriter, join_texts
from wave_network.errors import OutputError
from wave_network.scale import arrays

STRINGS = st.lists(st.text(), max_size=8)
LARGE = [f"{number} 雨" for number in range(2_500)]


@pytest.fixture(params=["in memory", "in a file"])
def place(request, monkeypatch):
    if request.param == "in a file":
        monkeypatch.setattr(arrays, "BYTES_IN_MEMORY", 100)
    return request.param


@given(STRINGS)
def test_texts_come_back_as_they_were(strings):
    texts = Texts.of(iter(strings))
    assert texts[:] == list(texts) == strings
    assert bytes(texts.data) == "".join(strings).encode()
    assert texts.lengths().tolist() == [len(text.encode()) for text in strings]
    assert texts.offsets.dtype == np.int64
    assert texts.data.dtype == np.uint8


@given(STRINGS, st.data())
def test_a_selection_is_read_like_a_list(strings, data):
    if not strings:
        return
    places = data.draw(st.lists(st.integers(0, len(strings) - 1), max_size=9))
    chosen = Texts.of(strings).select(places)
    expected = [strings[place] for place in places]
    part = data.draw(st.slices(len(places)))
    assert list(chosen) == expected
    assert chosen[part] == expected[part]
    assert [chosen[place] for place in range(-len(expected), 0)] == expected
    assert chosen.lengths().tolist() == [len(text.encode()) for text in expected]
    again = chosen.select(range(len(places))[part])
    assert again[:] == expected[part]


def test_a_selection_shares_the_bytes(place):
    texts = Texts.of(LARGE)
    chosen = texts.select([7, 7, 2_499]).select([2, 0])
    assert chosen[:] == [LARGE[2_499], LARGE[7]]
    assert chosen.data is texts.data
    assert chosen.offsets is texts.offsets
    for wrong in ([-1], [2_500], [0, 3_000]):
        with pytest.raises(IndexError):
            texts.select(wrong)
    with pytest.raises(IndexError):
        texts[2_500]


def test_texts_are_joined(place):
    first, second = Texts.of(LARGE), Texts.of(["a", "", "b"])
    assert join_texts([first, second, first])[:] == [*LARGE, "a", "", "b", *LARGE]
    mixed = join_texts([second.select([2, 1]), first.select([9, 8])])
    assert mixed[:] == ["b", "", LARGE[9], LARGE[8]]
    both = join_texts([first, first.select([3])])
    assert both[:] == [*LARGE, LARGE[3]]
    assert both.data is first.data


def test_surrogates_are_joined_or_replaced():
    texts = Texts.of(["a", "\ud83d\ude00", "b\ud800c", "\udc00"])
    assert texts[:] == ["a", "\U0001f600", "b\ufffdc", "\ufffd"]


def test_long_texts_are_read_few_at_a_time():
    texts = Texts.of(["a" * 3_000_000] * 12)
    assert [len(chunk) for chunk in texts.chunks()] == [5, 5, 2]
    assert [len(chunk) for chunk in texts.select(range(11)).chunks()] == [5, 5, 1]
    assert [len(chunk) for chunk in Texts.of(LARGE).chunks()] == [1_000, 1_000, 500]


def test_a_file_has_no_name_and_is_closed(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "BYTES_IN_MEMORY", 100)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    writer = TextWriter("a.csv")
    writer.append(LARGE)
    assert not os.listdir(tmp_path)
    texts = writer.finish()
    assert texts[:] == LARGE
    assert not texts.data.flags.writeable


def test_a_folder_that_cannot_take_them(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "BYTES_IN_MEMORY", 100)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(OutputError, match=r"a\.csv cannot be copied to the temporary folder \(No"):
        TextWriter("a.csv").append(LARGE)


@given(st.lists(st.text(max_size=5), max_size=20), st.data())
def test_parts_are_all_texts_in_order(strings, data):
    places = data.draw(st.lists(st.integers(0, max(len(strings) - 1, 0)), max_size=30))
    texts = Texts.of([text.encode("utf-8", "replace").decode() for text in strings])
    chosen = texts.select(places if strings else [])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_TEXTS_IN_A_PART", 3)
        patch.setattr(module, "_BYTES_AT_ONCE", 8)
        parts = list(chosen.parts())
    assert [text for part in parts for text in part] == list(chosen)
    assert all(len(part) == 1 or part.lengths().sum() <= 8 for part in parts)
    assert all(1 <= len(part) <= 3 for part in parts)
