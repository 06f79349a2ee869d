import threading

import numpy as np
import pytest
from hostile_words import every_form
from hypothesis import given, settings
from hypothesis import strategies as st
from native import needs_native

from wave_network import _native
from wave_network.text.word_table import PythonWordTable, word_table

WORDS = st.sampled_from(["a", "b", "ab", "ba", "ä", "雨", "🦙", "\udc00", "\0", "a\0", "x" * 300])
TEXTS = st.lists(
    st.lists(st.one_of(WORDS, st.sampled_from(["", " ", "\n", "\r", "\t", "\u2028"]))).map(" ".join)
)


def ids_of(word):
    """As many ids as the word has characters, up to three."""
    return np.array([ord(character) for character in word[:3]], np.int32).tobytes()


def encode(table, texts, first=1, most=5):
    """As the tokenizer does: what is unknown is found out, and asked for again."""
    known, before = {}, None
    while True:
        ids, offsets, unknown = table.encode(texts, first, most, known, before)
        before = ids, offsets
        if not unknown:
            return np.frombuffer(ids, np.int32).tolist(), np.frombuffer(offsets, np.int64).tolist()
        found = {word: ids_of(word) for word in unknown}
        table.add({word: ids for word, ids in found.items() if len(word) < 100})
        known.update(found)


def plain(texts, first=1, most=5):
    rows = []
    for text in texts:
        words = text.replace("\n", " ").split(" ")
        ids = [index for word in words for index in np.frombuffer(ids_of(word), np.int32)]
        rows.append([first, *ids][:most])
    return [index for row in rows for index in row], np.cumsum([0, *map(len, rows)]).tolist()


@every_form
@settings(max_examples=300)
@given(batches=st.lists(TEXTS, max_size=4), most=st.integers(1, 9), limit=st.integers(0, 5))
def test_any_text_gets_the_ids_of_its_words(make, batches, most, limit):
    table = make(limit)
    for texts in [*batches, *batches]:
        assert encode(table, texts, most=most) == plain(texts, most=most)


@every_form
def test_what_is_unknown_is_told_once_each(make):
    table = make(10)
    table.add({"known": ids_of("known")})
    _, _, unknown = table.encode(["new known  new\nother", "new", ""], 1, 64, {"other": b""})
    assert unknown == {"new"}


@every_form
def test_only_texts_without_ids_are_looked_up_again(make):
    table = make(10)
    table.add({"a": ids_of("a")})
    ids, offsets, unknown = table.encode(["a", "b a", "", "b", "a a"], 1, 64, {})
    assert np.frombuffer(ids, np.int32).tolist() == [1, 97, 1, 1, 97, 97]
    assert np.frombuffer(offsets, np.int64).tolist() == [0, 2, 2, 3, 3, 6]
    assert unknown == {"b"}
    texts = ["other", "b a", "other", "b", "other"]
    ids, offsets, unknown = table.encode(texts, 1, 64, {"b": ids_of("b")}, (ids, offsets))
    assert np.frombuffer(ids, np.int32).tolist() == [1, 97, 1, 98, 97, 1, 1, 98, 1, 97, 97]
    assert np.frombuffer(offsets, np.int64).tolist() == [0, 2, 5, 6, 8, 11]
    assert not unknown


@every_form
def test_many_words_are_found_again(make):
    table = make(100_000)
    words = [f"{number:x}" for number in range(50_000)]
    for start in range(0, len(words), 1_000):
        table.add({word: ids_of(word) for word in words[start : start + 1_000]})
    assert len(table) == len(words)
    texts = [" ".join(words[start : start + 100]) for start in range(0, len(words), 100)]
    found, offsets, unknown = table.encode(texts, 1, 10_000, {})
    assert not unknown
    expected = plain(texts, most=10_000)
    assert np.frombuffer(found, np.int32).tolist() == expected[0]
    assert np.frombuffer(offsets, np.int64).tolist() == expected[1]


@every_form
def test_it_forgets_all_once_it_is_full(make):
    table = make(3)
    table.add({word: ids_of(word) for word in "abcd"})
    assert len(table) == 4
    table.add({"e": ids_of("e")})
    assert len(table) == 1
    assert table.encode(["a e"], 1, 9, {})[2] == {"a"}


@needs_native
def test_long_words_fill_it_sooner():
    table = _native.compiled.WordTable(100, 7)
    for number in range(50):
        table.add({f"{number}{'long' * 30}": ids_of("a")})
    assert 0 < len(table) <= 100 * 16 // 120 + 1


@every_form
def test_a_word_may_have_no_ids(make):
    table = make(3)
    table.add({"nothing": b""})
    ids, offsets, unknown = table.encode(["nothing nothing"], 7, 9, {})
    assert (np.frombuffer(ids, np.int32).tolist(), unknown) == ([7], set())
    assert np.frombuffer(offsets, np.int64).tolist() == [0, 1]


@every_form
def test_threads_may_share_it(make):
    table = make(20)
    texts = [f"{number} {number % 37} {number % 5}" for number in range(300)]
    expected, wrong = plain(texts), []

    def work():
        for _ in range(20):
            if encode(table, texts) != expected:
                wrong.append(True)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@needs_native
def test_the_compiled_form_is_the_one_that_is_used():
    assert isinstance(word_table(), _native.compiled.WordTable)


def test_without_it_the_python_form_is_used(without_native):
    assert isinstance(word_table(), PythonWordTable)


@needs_native
@pytest.mark.parametrize(
    "arguments",
    [
        (("a",), 1, 5, {}),
        ([1], 1, 5, {}),
        (["a"], "1", 5, {}),
        (["a"], 1, 5, None),
        (["a"], 1, 5, {"a": [1]}),
        (["a"], 1, 5, {"a": b"123"}),
        (["a"], 2**40, 5, {}),
    ],
)
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises((TypeError, ValueError)):
        _native.compiled.WordTable(5, 7).encode(*arguments)


@needs_native
@pytest.mark.parametrize(
    ("ids", "offsets"),
    [
        (b"", [0, 1, 1]),
        (bytearray(8), [0, 2]),
        (bytearray(8), [0, 1, 3]),
        (bytearray(8), [2, 1, 2]),
        (bytearray(8), [-1, 0, 2]),
        (bytearray(8), [0, 2**62, 2]),
    ],
)
def test_wrong_rows_are_refused(ids, offsets):
    rows = ids, bytearray(np.array(offsets, np.int64).tobytes())
    with pytest.raises((TypeError, ValueError)):
        _native.compiled.WordTable(5, 7).encode(["", ""], 1, 5, {}, rows)
    with pytest.raises(TypeError):
        _native.compiled.WordTable(5, 7).encode(["", ""], 1, 5, {}, list(rows))


@needs_native
def test_wrong_words_are_refused():
    table = _native.compiled.WordTable(5, 7)
    for words in ([], {1: b""}, {"a": "b"}):
        with pytest.raises(TypeError):
            table.add(words)
    with pytest.raises(ValueError, match="one id"):
        table.encode(["a"], 1, 0, {})
    with pytest.raises(ValueError, match="32 bits"):
        table.add({"a": b"123"})
    with pytest.raises(ValueError, match="limit"):
        _native.compiled.WordTable(-1, 7)
    with pytest.raises(TypeError):
        _native.compiled.WordTable("5", 7)
