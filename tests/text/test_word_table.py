import threading

import numpy as np
import pytest
from hostile_words import every_form
from hypothesis import given, settings
from hypothesis import strategies as st
from native import needs_native

from wave_network import _native
from wave_network.text.packed import pack
from wave_network.text.word_table import PythonWordTable, word_table

WORDS = st.sampled_from(["a", "b", "ab", "ba", "ä", "雨", "🦙", "\0", "a\0", "a\0\0", "x" * 300])
TEXTS = st.lists(
    st.lists(st.one_of(WORDS, st.sampled_from(["", " ", "\n", "\r", "\t", "\u2028"]))).map(" ".join)
)


def ids_of(word):
    """As many ids as the word has characters, up to three."""
    return np.array([ord(character) for character in word[:3]], np.int32).tobytes()


def look_up(table, texts, first=1, most=64, known=None, threads=2):
    """The ids, offsets and unknown words of texts."""
    ids, offsets, unknown = table.encode(
        *pack(texts), first, most, 10**6, threads, {} if known is None else known
    )
    return np.frombuffer(ids, np.int32).tolist(), np.frombuffer(offsets, np.int64).tolist(), unknown


def encode(table, texts, first=1, most=5):
    """What is unknown is found out, and asked for again."""
    known = {}
    while True:
        ids, offsets, unknown = look_up(table, texts, first, most, known)
        if not unknown:
            return ids, offsets
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
    texts = ["new known  new\nother", "new", ""]
    assert look_up(table, texts, known={"other": b""})[2] == {"new"}


@every_form
def test_a_text_with_unknown_words_has_no_ids(make):
    table = make(10)
    table.add({"a": ids_of("a")})
    found = look_up(table, ["a", "b a", "", "b", "a a"])
    assert found == ([1, 97, 1, 1, 97, 97], [0, 2, 2, 3, 3, 6], {"b"})


@every_form
def test_texts_may_be_selected_and_cut(make):
    table = make(10)
    table.add({word: ids_of(word) for word in "abcé"})
    data, offsets, _ = pack(["a b", "é é c", "c"])
    places = np.array([2, 1, 1])
    ids, ends, _ = table.encode(data, offsets, places, 1, 64, 3, 1, {})
    assert np.frombuffer(ids, np.int32).tolist() == [1, 99, 1, 233, 233, 1, 233, 233]
    assert np.frombuffer(ends, np.int64).tolist() == [0, 2, 5, 8]


@every_form
def test_many_words_are_found_again(make):
    table = make(100_000)
    words = [f"{number:x}" for number in range(50_000)]
    for start in range(0, len(words), 1_000):
        table.add({word: ids_of(word) for word in words[start : start + 1_000]})
    assert len(table) == len(words)
    texts = [" ".join(words[start : start + 100]) for start in range(0, len(words), 100)]
    assert look_up(table, texts, most=10_000) == (*plain(texts, most=10_000), set())


@every_form
def test_it_forgets_all_once_it_is_full(make):
    table = make(3)
    table.add({word: ids_of(word) for word in "abcd"})
    assert len(table) == 4
    table.add({"e": ids_of("e")})
    assert len(table) == 1
    assert look_up(table, ["a e"])[2] == {"a"}


@needs_native
def test_long_words_fill_it_sooner():
    table = _native.compiled.WordTable(100, 7)
    for number in range(1_000):
        table.add({f"{number}{'long' * 30}": ids_of("a")})
        assert 0 < len(table) <= 100 * 8 // 15 + 1


@every_form
def test_a_word_may_have_no_ids(make):
    table = make(3)
    table.add({"nothing": b""})
    assert look_up(table, ["nothing nothing"], first=7) == ([7], [0, 1], set())


@needs_native
@pytest.mark.parametrize("threads", [1, 2, 3, 4, 8])
def test_any_number_of_threads_gives_the_same(threads):
    table = _native.compiled.WordTable(10**6, 7)
    table.add({f"{number}": ids_of(f"{number}") for number in range(0, 30_000, 2)})
    texts = [" ".join(f"{number}" for number in range(start % 9_000)) for start in range(0, 400)]
    expected = look_up(table, texts, threads=1)
    assert len(pack(texts).data) > 4 * 2**16
    assert look_up(table, texts, threads=threads) == expected


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


DATA, OFFSETS, _ = pack(["a", "é"])


@needs_native
@pytest.mark.parametrize(
    "arguments",
    [
        ((DATA.astype(np.int32), OFFSETS, None), 1, 5, 9, 1, {}),
        ((b"a\xc3", OFFSETS, None), 1, 5, 9, 1, {}),
        ((DATA, OFFSETS.astype(np.int32), None), 1, 5, 9, 1, {}),
        ((DATA, OFFSETS[:0], None), 1, 5, 9, 1, {}),
        ((DATA, OFFSETS + 1, None), 1, 5, 9, 1, {}),
        ((DATA, OFFSETS - 1, None), 1, 5, 9, 1, {}),
        ((DATA, OFFSETS[::-1].copy(), None), 1, 5, 9, 1, {}),
        ((DATA, OFFSETS, np.array([2])), 1, 5, 9, 1, {}),
        ((DATA, OFFSETS, np.array([-1])), 1, 5, 9, 1, {}),
        ((DATA, OFFSETS, None), "1", 5, 9, 1, {}),
        ((DATA, OFFSETS, None), 2**40, 5, 9, 1, {}),
        ((DATA, OFFSETS, None), 1, 0, 9, 1, {}),
        ((DATA, OFFSETS, None), 1, 5, -1, 1, {}),
        ((DATA, OFFSETS, None), 1, 5, 9, 1, None),
        ((DATA, OFFSETS, None), 1, 5, 9, 1, {"a": [1]}),
        ((DATA, OFFSETS, None), 1, 5, 9, 1, {1: b""}),
        ((DATA, OFFSETS, None), 1, 5, 9, 1, {"a": b"123"}),
        ((np.frombuffer(b"\xc3aa", np.uint8), OFFSETS, None), 1, 5, 9, 1, {}),  # no UTF-8
    ],
)
def test_wrong_arguments_are_refused(arguments):
    texts, *others = arguments
    with pytest.raises((TypeError, ValueError)):
        _native.compiled.WordTable(5, 7).encode(*texts, *others)


@needs_native
def test_wrong_words_are_refused():
    table = _native.compiled.WordTable(5, 7)
    for words in ([], {1: b""}, {"a": "b"}):
        with pytest.raises(TypeError):
            table.add(words)
    with pytest.raises(ValueError, match="32 bits"):
        table.add({"a": b"123"})
    with pytest.raises(ValueError, match="limit"):
        _native.compiled.WordTable(-1, 7)
    with pytest.raises(TypeError):
        _native.compiled.WordTable("5", 7)
