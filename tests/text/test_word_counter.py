from collections import Counter

import numpy as np
import pytest
from hostile_words import HOSTILE_WORDS
from hypothesis import given, settings
from hypothesis import strategies as st
from native import needs_native

from wave_network import _native
from wave_network.text.packed import pack
from wave_network.text.plain_words import plain_parts
from wave_network.text.vocabulary import Form, _add_words, wordless
from wave_network.text.word_counter import PythonWordCounter, word_counter

TEXTS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]))
    | st.text(st.characters(max_codepoint=0x7F))
    | st.lists(st.sampled_from(HOSTILE_WORDS) | st.sampled_from(["", " ", "\n", "\r\n", "\t"])).map(
        " ".join
    )
)


def add(counter, texts, characters=10**6, threads=2):
    return counter.add(*pack(texts), characters, threads)


def words_of(counter, texts, characters):
    """The words of texts, as often as there are, and the spaces in those that are not ASCII."""
    words = Counter()
    add(counter, texts[:2], characters)
    _add_words(words, counter.take_others(), wordless(Form()), Form())
    add(counter, texts[2:], characters)
    _add_words(words, counter.take_others(), wordless(Form()), Form())
    words.update(counter.counts())
    return words, counter.spaces()


@needs_native
@settings(max_examples=500)
@given(TEXTS, st.integers(0, 20) | st.just(1_000))
def test_both_forms_count_the_same(texts, characters):
    counted = words_of(_native.compiled.WordCounter(7), texts, characters)
    assert counted == words_of(PythonWordCounter(), texts, characters)


@needs_native
def test_every_kind_of_white_space_splits():
    spaces = [chr(point) for point in range(0x110000) if chr(point).isspace()]
    counter = _native.compiled.WordCounter(7)
    add(counter, [f"a{space}b" for space in spaces])
    assert counter.counts() == {"Ġa": len(spaces), "Ġb": len(spaces)}
    assert counter.take_others() == {}


@needs_native
def test_only_strings_that_are_not_plain_are_left_to_others():
    counter = _native.compiled.WordCounter(7)
    text = "The U.S. team's café, the CAFÉ\u2028é\tend"
    assert add(counter, [text, "é é"]) == 3
    assert counter.take_others() == {"é": 3, "café,": 1, "CAFÉ": 1}
    assert counter.take_others() == {}
    plain = [f"Ġ{part}" for string in text.split() for part in plain_parts(string) or ()]
    assert counter.counts() == Counter(plain)


@needs_native
@pytest.mark.parametrize("threads", [1, 2, 3, 4, 8])
def test_many_words_are_counted_by_any_number_of_threads(threads):
    counter = _native.compiled.WordCounter(7)
    words = [f"{number:x}" for number in range(50_000)]
    texts = [" ".join(words[start : start + 100] + words[:100]) for start in range(0, 50_000, 100)]
    texts = [f"{text} {'é' * 2_000}" for text in texts]
    assert len(pack(texts).data) > 4 * 2**19
    assert add(counter, texts, threads=threads) == 1
    expected = Counter({f"Ġ{word}": 1 for word in words})
    expected.update({f"Ġ{word}": 500 for word in words[:100]})
    assert counter.counts() == expected
    assert counter.spaces() == 500 * 200
    assert counter.take_others() == {"é" * 2_000: 500}


@needs_native
def test_wrong_arguments_are_refused():
    data, offsets, places = pack(["a"])
    counter = _native.compiled.WordCounter(7)
    for arguments in (
        ("a", offsets, places, 9, 1),
        (data, [0, 1], places, 9, 1),
        (data, offsets + 1, places, 9, 1),
        (data, offsets, np.array([1]), 9, 1),
        (data, offsets, places, -1, 1),
        (data, offsets, places, "9", 1),
    ):
        with pytest.raises((TypeError, ValueError)):
            counter.add(*arguments)
    assert counter.counts() == {}
    with pytest.raises(TypeError):
        _native.compiled.WordCounter("7")


@needs_native
def test_the_compiled_form_is_the_one_that_is_used():
    assert isinstance(word_counter(), _native.compiled.WordCounter)


def test_without_it_the_python_form_is_used(without_native):
    assert isinstance(word_counter(), PythonWordCounter)
