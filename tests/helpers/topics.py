"""Made-up texts of topics, whose words occur together: few labels tell of few of them."""

import numpy as np


def topic_texts(count, topics=3, words=60, length=8, seed=0):
    """Texts of words of one topic, and of words that all topics share; and their topics."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % topics
    texts = []
    for label in labels:
        own = [f"t{label}x{number}" for number in random.integers(words, size=length)]
        shared = [f"some{number}" for number in random.integers(20, size=length)]
        texts.append(" ".join(random.permutation([*own, *shared])))
    return texts, labels
