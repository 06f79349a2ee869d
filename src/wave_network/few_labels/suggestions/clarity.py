"""How clear the class of a text is once a whole archive has been read.

A model of few labels is unsure of a text for one of two reasons: it has not learnt the text's words
yet, which a label mends, or the text belongs to two classes, which no label mends. Words that occur
together in the archive tell the two apart: naive Bayes starts from the model's answers for the
archive and improves on them by expectation maximisation (Nigam et al., 2000).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.numerics.sparse import CsrMatrix

_ROUNDS: Final = 4
_SMOOTHING: Final = 0.1  # occurrences of each word in each class that are taken for granted
_FLATTENING: Final = 3.0  # words of a text are not independent, so that they tell less
_MOST_TEXTS: Final = 0.1  # more frequent words tell nothing


def clarity(counts: CsrMatrix, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how clear each text's class is, 0 to 1, (texts,).

    Args:
        counts: The words of each text, (texts, words); how often a text has a word plays no role.
        probabilities: The model's, (texts, classes).
    """
    words = counts.select_columns(counts.column_counts() <= _MOST_TEXTS * counts.shape[0])
    words = words.with_data(np.ones(words.nnz))
    texts_of = words.transposed()
    classes = probabilities
    for _ in range(_ROUNDS):
        found = texts_of @ classes + np.float32(_SMOOTHING)
        weights = np.log(found / found.sum(axis=0))
        logits = words @ weights + np.log(classes.sum(axis=0) + 1)
        logits /= _FLATTENING
        logits -= logits.max(axis=1, keepdims=True)
        classes = np.exp(logits)
        classes /= classes.sum(axis=1, keepdims=True)
    return margins(classes)


def margins(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return by how much the most probable class leads the next, (texts,).

    Args:
        probabilities: (texts, classes), at least two classes.
    """
    best = np.partition(probabilities, -2, axis=1)[:, -2:]
    result: NDArray[np.float32] = best[:, 1] - best[:, 0]
    return result
