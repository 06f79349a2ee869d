import numpy as np
import pytest

from wave_network.few_labels.suggestions.word_matrix import SparseMatrix, count_words, tf_idf


def dense(matrix):
    result = np.zeros(matrix.shape, np.float32)
    result[matrix.rows, matrix.columns] = matrix.values
    return result


@pytest.fixture
def random_matrix():
    random = np.random.default_rng(0)
    values = random.random((40, 30), np.float32) * (random.random((40, 30)) < 0.2)
    values[7] = 0
    rows, columns = np.nonzero(values)
    return SparseMatrix(rows, columns, values[rows, columns], values.shape)


@pytest.mark.parametrize("at_once", [1, 60, 10**6])
def test_products_are_those_of_the_dense_matrix(random_matrix, monkeypatch, at_once):
    monkeypatch.setattr("wave_network.few_labels.suggestions.word_matrix._NUMBERS_AT_ONCE", at_once)
    other = np.random.default_rng(1).random((30, 3), np.float32)
    np.testing.assert_allclose(random_matrix.times(other), dense(random_matrix) @ other, atol=1e-5)
    assert (dense(random_matrix.transposed) == dense(random_matrix).T).all()
    expected = dense(random_matrix) @ dense(random_matrix)[5]
    np.testing.assert_allclose(random_matrix.similarities(5), expected, atol=1e-5)
    assert not random_matrix.similarities(7).any()


def test_words_are_counted_without_those_of_a_single_text():
    counts = count_words(["red red green", "green Red", "blue", "red"])
    assert sorted(map(tuple, dense(counts)[:, counts.column_counts() > 0].T)) == [
        (1, 1, 0, 0),
        (1, 1, 1, 1),  # [CLS]
        (2, 1, 0, 1),
    ]


def test_tf_idf_has_unit_rows_without_words_of_all_texts():
    words = tf_idf(count_words(["a red hen", "a red fox", "a green fox", "a hen", "a"]))
    lengths = np.linalg.norm(dense(words), axis=1)
    np.testing.assert_allclose(lengths, [1, 1, 1, 1, 0], atol=1e-6)
    assert words.similarities(0)[[0, 1, 3]] == pytest.approx([1, 0.5, 0.7071], abs=0.01)


@pytest.mark.parametrize("texts", [["a"], ["", ""], ["one", "two"], ["同じ", "同じ"], ["\ud800"]])
def test_any_texts_have_a_matrix(texts):
    assert np.isfinite(tf_idf(count_words(texts)).values).all()
