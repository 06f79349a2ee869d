"""The compiled search for pieces follows the library's."""

import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from native import native_hidden, needs_native
from tokenizers import pre_tokenizers

from wave_network import _native
from wave_network.data import read_splits
from wave_network.text.byte_pairs import learn_pieces, learn_with_library

FIRST = ["[CLS]", *sorted(pre_tokenizers.ByteLevel.alphabet())]


def same(words, size, least=2):
    """The pieces and merges of both forms, which are equal."""
    found = learn_pieces(words, FIRST, size, least)
    expected = learn_with_library(words, FIRST, size, least)
    assert found.pieces == expected.pieces
    np.testing.assert_array_equal(found.merges, expected.merges)
    return found


@needs_native
@settings(max_examples=500, deadline=None)
@given(
    words=st.lists(st.text("abc", max_size=12) | st.text("abĠéÿ", max_size=64)),
    size=st.integers(0, 60),
)
def test_both_forms_find_the_same(words, size):
    for least in (1, 2, 3):
        same(words, 257 + size, least)
    same(words, size)


@needs_native
@pytest.mark.parametrize("seed", range(5))
def test_both_forms_find_the_same_in_many_words(seed):
    letters = random.Random(seed)
    syllables = ["".join(letters.choices("abcde", k=letters.randint(1, 3))) for _ in range(12)]
    words = ["".join(letters.choices(syllables, k=letters.randint(1, 9))) for _ in range(2_000)]
    assert len(same(words, 650)[0]) == 650


@needs_native
def test_both_forms_find_the_same_in_real_words():
    texts = read_splits("sample").train["text"][:]
    same(sorted({word for text in texts for word in text.split() if word.isascii()}), 5_000)


@needs_native
def test_many_words_take_little_time():
    letters = random.Random(0)
    words = ["ab" * 32, "a" * 64] * 2_000
    words += ["".join(letters.choices("abcdefgh", k=64)) for _ in range(2_000)]
    start = time.process_time()
    assert len(learn_pieces(words, FIRST, 2_000, 2).pieces) == 2_000
    assert time.process_time() - start < 5


def test_without_it_the_library_is_asked():
    arguments = (["ab", "abc", "bc"], FIRST, 265, 2)
    with native_hidden():
        found = learn_pieces(*arguments)
    assert found.pieces == [*FIRST, "ab"]
    assert found.merges.tolist() == [[FIRST.index("a"), FIRST.index("b"), 257]]


@needs_native
@pytest.mark.parametrize(
    "arguments",
    [
        ("ab", np.array([0, 2]), 3, 2),
        (b"ab", [0, 2], 3, 2),
        (b"ab", np.array([0, 2]), "3", 2),
        (b"ab", np.array([0, 2]), -1, 2),
        (b"ab", np.array([0, 2]), 2**31, 2),
        (b"ab", np.array([0, 3]), 3, 2),
        (b"ab", np.array([-1, 2]), 3, 2),
        (b"ab", np.array([0, 2]), 3, 0),
    ],
)
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises((TypeError, ValueError)):
        _native.compiled.learn_byte_pairs(*arguments)
