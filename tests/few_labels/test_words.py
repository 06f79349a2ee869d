import numpy as np
import pytest
from sparse import to_dense

from wave_network.few_labels.words import (
    joined,
    tf_idf,
    without_frequent,
    words_and_bigrams,
)
from wave_network.text import TextTokenizer

TEXTS = ["red green", "red green red", "red green", "blue red", "", "zymurgy"]


@pytest.fixture(scope="module")
def found():
    tokenizer = TextTokenizer.train([*TEXTS, "blue"], 300, 16)
    return words_and_bigrams(tokenizer.encode(TEXTS), tokenizer)


def test_each_text_has_its_frequent_words_once(found):
    words, _ = found
    rows = sorted(to_dense(words).T.tolist())
    assert rows == [[1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 0, 0]]  # green, red; blue is in two texts


def test_pairs_are_of_neighbours_in_one_text(found):
    _, bigrams = found
    assert to_dense(bigrams).T.tolist() == [[1, 1, 1, 0, 0, 0]]  # red green


def test_pieces_of_rare_words_do_not_count():
    texts = ["abcde", "abcdf", "abcdg", "xy", "xy"] * 2
    tokenizer = TextTokenizer.train(["xy"] * 5, 300, 16)
    words, bigrams = words_and_bigrams(tokenizer.encode(texts), tokenizer)
    assert to_dense(words).T.tolist() == [[0, 0, 0, 1, 1] * 2]
    assert bigrams.shape == (10, 0)


def test_frequent_columns_are_left_out(found):
    words, _ = found
    assert to_dense(without_frequent(words, 0.5)).T.tolist() == [[1, 1, 1, 0, 0, 0]]


def test_rows_have_a_length_of_1_or_0(found):
    words, bigrams = found
    weighted = tf_idf(words)
    both = joined(weighted, tf_idf(bigrams), 0.5)
    assert both.shape[1] == words.shape[1] + bigrams.shape[1]
    for matrix in (weighted, both):
        lengths = np.linalg.norm(to_dense(matrix), axis=1)
        np.testing.assert_allclose(lengths, [1, 1, 1, 1, 0, 0], atol=1e-6)
    first = to_dense(tf_idf(words))[0]
    assert first.min() < first.max()  # the rarer word counts more
