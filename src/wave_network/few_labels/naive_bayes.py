"""Naive Bayes that learns from unlabelled texts, too, by expectation maximisation.

The classes of unlabelled texts are estimated and learned from in turns (Nigam et al., 2000). A word
counts once a text. Naive Bayes is far too sure of long texts, so its log-odds are divided before
each estimate; and words that occur in texts of all kinds, as function words do, count less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.models.numpy_ops import softmax
from wave_network.numerics.sparse import CsrMatrix

_ROUNDS: Final = 8
_ADDED: Final = 0.1  # smoothing of the counts
_DIVISOR: Final = 3.0  # of the log-odds
_LABELLED: Final = 3.0  # weight of a labelled text
_UNLABELLED: Final = 0.5  # and of an unlabelled one
_FEW_TEXTS: Final = 20  # of a word, whose texts may be of one kind by chance
_LEAST_TOPICALITY: Final = 1e-3


@dataclass(frozen=True)
class UnlabelledWords:
    """The words of unlabelled texts.

    Attributes:
        rows: 1 where the text has the word, else 0, (texts, words).
        columns: The same transposed, (words, texts).
        weights: How much each word counts, float32, (words, 1).
    """

    rows: CsrMatrix
    columns: CsrMatrix
    weights: NDArray[np.float32]

    @classmethod
    def of(cls, rows: CsrMatrix, vectors: NDArray[np.float32]) -> UnlabelledWords:
        """Weight words by how much the texts that have them are alike.

        Args:
            rows: The words of the texts.
            vectors: Vectors of the texts, of length 1, (texts, dimensions).
        """
        columns = rows.transposed()
        return cls(rows, columns, np.sqrt(_topicality(columns, vectors))[:, None])


def naive_bayes_weights(
    labelled: CsrMatrix,
    targets: NDArray[np.float32],
    unlabelled: UnlabelledWords,
    estimated: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return the log-odds that each word adds for each class, float32, (words, classes).

    All classes are taken to be equally frequent.

    Args:
        labelled: The words of the labelled texts, 0 or 1, (texts, words).
        targets: Their classes' probabilities, (texts, classes).
        unlabelled: The words of the unlabelled texts.
        estimated: A first estimate of the probabilities of their classes, (texts, classes).
    """
    given = _LABELLED * (labelled.transposed() @ targets)
    weights = np.empty(0, np.float32)
    for turn in range(_ROUNDS):
        if turn:
            estimated = softmax(unlabelled.rows @ weights / _DIVISOR)
        counts = given + _UNLABELLED * (unlabelled.columns @ estimated)
        weights = _log_odds(counts) * unlabelled.weights
    return weights


def _log_odds(counts: NDArray[np.float32]) -> NDArray[np.float32]:
    counts = counts + np.float32(_ADDED)
    logs = np.log(counts / counts.sum(axis=0))
    result: NDArray[np.float32] = logs - logs.mean(axis=1, keepdims=True)
    return result


def _topicality(columns: CsrMatrix, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how far the mean vector of each word's texts is from that of all, (words,).

    It is the squared distance, less what chance explains, relative to the variance of the texts.
    Rare words have the median of the others. The root of the result has a mean of about 1.

    Args:
        columns: The texts of each word, (words, texts).
        vectors: Vectors of the texts, of length 1, (texts, dimensions).
    """
    texts = np.diff(columns.indptr)
    centre = vectors.mean(axis=0)
    variance = max(1 - float(centre @ centre), 1e-6)
    means = (columns @ vectors) / texts.clip(min=1)[:, None]
    apart = np.square(means - centre).sum(axis=1) / variance - 1 / texts.clip(min=1)
    apart = apart.clip(min=_LEAST_TOPICALITY)
    frequent = texts >= _FEW_TEXTS
    apart[~frequent] = np.median(apart[frequent]) if frequent.any() else 1.0
    usual = np.average(np.sqrt(apart), weights=texts.clip(min=1)) if len(texts) else 1.0
    result: NDArray[np.float32] = (apart / usual**2).astype(np.float32)
    return result
