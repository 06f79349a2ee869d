"""The compiled search for pieces follows the library's."""

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from native import native_hidden, needs_native

from wave_network import _native
from wave_network.data import read_splits
from wave_network.text.byte_pairs import learn_pieces, learn_with_library


def first(letters):
    return ["[CLS]", *sorted(letters)]


@needs_native
@settings(max_examples=500, deadline=None)
@given(
    words=st.lists(st.text("abc", max_size=12) | st.text("abĠéÿ", max_size=64)),
    size=st.integers(0, 60),
)
def test_both_forms_find_the_same(words, size):
    letters = first("abcĠéÿ")
    assert _native.compiled.learn_byte_pairs(words, letters, size) == learn_with_library(
        words, letters, size
    )


@needs_native
@pytest.mark.parametrize("seed", range(5))
def test_both_forms_find_the_same_in_many_words(seed):
    letters = random.Random(seed)
    syllables = ["".join(letters.choices("abcde", k=letters.randint(1, 3))) for _ in range(12)]
    words = ["".join(letters.choices(syllables, k=letters.randint(1, 9))) for _ in range(2_000)]
    pieces = _native.compiled.learn_byte_pairs(words, first("abcde"), 400)
    assert pieces == learn_with_library(words, first("abcde"), 400)
    assert len(pieces[0]) == 400


@needs_native
def test_both_forms_find_the_same_in_real_words():
    texts = read_splits("sample").train["text"][:]
    words = sorted({word for text in texts for word in text.split()})
    letters = first({letter for word in words for letter in word})
    assert _native.compiled.learn_byte_pairs(words, letters, 5_000) == learn_with_library(
        words, letters, 5_000
    )


@needs_native
def test_many_words_take_little_time():
    letters = random.Random(0)
    words = ["ab" * 32, "a" * 64] * 2_000
    words += ["".join(letters.choices("abcdefgh", k=64)) for _ in range(2_000)]
    start = time.process_time()
    assert len(_native.compiled.learn_byte_pairs(words, first("abcdefgh"), 2_000)[0]) == 2_000
    assert time.process_time() - start < 5


def test_without_it_the_library_is_asked():
    arguments = (["ab", "abc", "bc"], first("abc"), 9)
    found = learn_pieces(*arguments)
    with native_hidden():
        assert learn_pieces(*arguments) == found
    assert found == (["[CLS]", "a", "b", "c", "ab"], [("a", "b")])


@needs_native
@pytest.mark.parametrize(
    "arguments",
    [
        (("a",), ["a"], 3),
        ([1], ["a"], 3),
        (["a"], [1], 3),
        (["a"], ["a"], "3"),
        (["a"], ["a"], -1),
        (["a"], ["a"], 2**31),
        (["ab"], ["a"], 3),
    ],
)
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises((TypeError, ValueError)):
        _native.compiled.learn_byte_pairs(*arguments)
