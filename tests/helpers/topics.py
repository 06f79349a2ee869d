"""Made-up texts of topics, whose words occur together: few labels cover few of them."""

import numpy as np

_LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))
_SHARED = 20


def topic_texts(count, topics=3, words=100, length=6, seed=0):
    """Texts of words of one topic, and of words that all topics share; and their topics.

    The words are random letters, so that no spelling tells the topic.
    """
    random = np.random.default_rng(seed)
    letters = random.integers(26, size=(topics * words + _SHARED, 8))
    vocabulary = np.array(["".join(word) for word in _LETTERS[letters]])
    labels = np.arange(count) % topics
    own = labels[:, None] * words + random.integers(words, size=(count, length))
    shared = topics * words + random.integers(_SHARED, size=(count, length))
    places = random.permuted(np.concatenate([own, shared], axis=1), axis=1)
    return [" ".join(vocabulary[row]) for row in places], labels
