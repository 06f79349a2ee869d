import numpy as np
import pytest
from sparse import to_dense

from wave_network.few_labels.suggestions.word_matrix import count_words
from wave_network.few_labels.words import tf_idf


def test_words_are_counted_without_those_of_a_single_text():
    counts = count_words(["red red green", "green Red", "blue", "red"])
    assert sorted(map(tuple, to_dense(counts)[:, counts.column_counts() > 0].T)) == [
        (1, 1, 0, 0),
        (1, 1, 1, 1),  # [CLS]
        (2, 1, 0, 1),
    ]


def test_tf_idf_has_unit_rows_without_words_of_all_texts():
    words = tf_idf(count_words(["a red hen", "a red fox", "a green fox", "a hen", "a"]))
    lengths = np.linalg.norm(to_dense(words), axis=1)
    np.testing.assert_allclose(lengths, [1, 1, 1, 1, 0], atol=1e-6)
    similarities = to_dense(words) @ to_dense(words)[0]
    assert similarities[[0, 1, 3]] == pytest.approx([1, 0.5, 0.7071], abs=0.01)


@pytest.mark.parametrize("texts", [["a"], ["", ""], ["one", "two"], ["同じ", "同じ"], ["\ud800"]])
def test_any_texts_have_a_matrix(texts):
    assert np.isfinite(tf_idf(count_words(texts)).data).all()
