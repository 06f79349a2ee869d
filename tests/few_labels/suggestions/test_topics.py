import numpy as np
import pytest
from sparse import to_dense

from wave_network.few_labels.suggestions.topics import topic_vectors
from wave_network.few_labels.suggestions.word_matrix import count_words
from wave_network.few_labels.words import tf_idf


def made_up(texts, seed=0):
    """Texts about two topics: ten words of one, each of which is in a third of its texts."""
    random = np.random.default_rng(seed)
    topics = np.arange(texts) % 2
    return topics, [
        " ".join(f"topic{topic}word{word}" for word in random.choice(30, 10, replace=False))
        for topic in topics
    ]


def test_texts_of_one_topic_have_similar_vectors():
    topics, texts = made_up(200)
    vectors = topic_vectors(tf_idf(count_words(texts)), seed=0)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    similar = vectors @ vectors.T
    same = topics[:, None] == topics
    assert similar[same].mean() > similar[~same].mean() + 0.2


def test_the_singular_values_are_those_of_the_exact_decomposition():
    words = tf_idf(count_words(made_up(80)[1]))
    left, values, _ = np.linalg.svd(to_dense(words), full_matrices=False)
    exact = (left * values)[:, :64]
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    vectors = topic_vectors(words, seed=0)
    np.testing.assert_allclose(vectors @ vectors.T, exact @ exact.T, atol=0.02)


def test_the_same_seed_gives_the_same_vectors():
    words = tf_idf(count_words(made_up(50)[1]))
    assert (topic_vectors(words, 3) == topic_vectors(words, 3)).all()


@pytest.mark.parametrize("texts", [["a"], ["", ""], ["one", "two"], ["same", "same", "other"]])
def test_few_texts_have_vectors(texts):
    assert np.isfinite(topic_vectors(tf_idf(count_words(texts)), 0)).all()
