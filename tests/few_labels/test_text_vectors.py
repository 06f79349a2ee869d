import numpy as np
import pytest

from wave_network.data.batch import PackedTexts
from wave_network.few_labels.text_vectors import (
    directions,
    fitted_to,
    known_share,
    text_vectors,
    token_vectors,
)
from wave_network.few_labels.vectors import WordVectors
from wave_network.text import TextTokenizer
from wave_network.text.vocabulary import Words

SOURCE = WordVectors(
    "made up",
    ("the", "goal", "bank", "##ing"),
    np.array([[1, 0], [0, 2], [3, 1], [5, 5]], np.float32),
    cased=False,
)


def pack(*rows):
    ids = np.concatenate([np.array(row, np.int32) for row in rows])
    return PackedTexts(ids, np.cumsum([0, *map(len, rows)]))


def tokenizer(texts, words=SOURCE.words, **options):
    return TextTokenizer.train(texts, 500, 16, more_words=Words(words, 500), **options)


def test_each_token_gets_the_vector_of_its_word():
    made = tokenizer(["the goal the goal", "stocks stocks"])
    vectors = token_vectors(made, SOURCE)
    ids = made.words()
    for word, vector in zip(SOURCE.words[:3], SOURCE.vectors, strict=False):
        np.testing.assert_array_equal(vectors[ids[word]], vector)
    assert not vectors[ids["stocks"]].any()
    assert not vectors[made.cls_token_id].any()


def test_capital_letters_find_words_in_lower_case():
    made = tokenizer(["Bank Bank", "bank bank"], ("x",), cased=True)
    vectors = token_vectors(made, SOURCE)
    assert vectors[made.words()["Bank"]].tolist() == [3, 1]


def test_a_word_in_lower_case_finds_a_cased_source():
    source = WordVectors("s", ("Bank", "US", "us"), np.eye(3, dtype=np.float32), cased=True)
    vectors = token_vectors(made := tokenizer(["bank bank us us"], ("x",)), source)
    assert vectors[made.words()["bank"]].tolist() == [1, 0, 0]
    assert vectors[made.words()["us"]].tolist() == [0, 0, 1]


def test_text_vectors_are_what_the_linear_part_sums():
    vectors = np.array([[0, 0], [1, 0], [0, 2]], np.float32)
    found = text_vectors(pack([0, 1, 1, 2], [0]), vectors)
    np.testing.assert_allclose(found, [[1, 1], [0, 0]])


def test_fitted_vectors_are_centred_and_give_texts_unit_length():
    texts = pack([0, 1, 1, 2], [0, 2, 3, 3])
    vectors = np.array([[0, 0], [1, 4], [3, 2], [5, 6]], np.float32)
    fitted = fitted_to(texts, vectors)
    np.testing.assert_allclose(fitted[texts.ids].sum(axis=0), 0, atol=1e-6)
    assert not fitted[0].any()  # which has no vector
    squares = np.square(text_vectors(texts, fitted)).sum(axis=1)
    assert squares.mean() == pytest.approx(1)


def test_texts_without_any_vector_stay_without():
    assert not fitted_to(pack([0, 1]), np.zeros((2, 3), np.float32)).any()


def test_words_without_a_vector_point_where_their_texts_do():
    vectors = np.array([[0, 0], [2, 0], [0, 3], [0, 0], [0, 0]], np.float32)
    found = directions(pack([0, 1, 3], [0, 2]), vectors, 2)
    np.testing.assert_allclose(found[1:4], [[1, 0], [0, 1], [1, 0]], atol=1e-6)
    assert not found[4].any()


def test_the_share_of_known_words_tells_the_language():
    assert known_share(["The goal, the BANK!"], SOURCE) == 1
    assert known_share(["Das Tor der Bank 2024"], SOURCE) == pytest.approx(0.25)
    assert known_share([""], SOURCE) == 0
