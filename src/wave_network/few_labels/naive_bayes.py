"""Naive Bayes that learns from unlabelled texts, too, by expectation maximisation.

The classes of unlabelled texts are estimated and learned from in turns (Nigam et al., 2000). A
word counts once a text. Naive Bayes is far too sure of long texts, so its log-odds are divided
before each estimate.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from wave_network.models.numpy_ops import softmax

_ROUNDS: Final = 8
_ADDED: Final = 0.1  # smoothing of the counts
_DIVISOR: Final = 3.0  # of the log-odds
_LABELLED: Final = 3.0  # weight of a labelled text
_UNLABELLED: Final = 0.5  # and of an unlabelled one


def naive_bayes_weights(
    labelled: csr_array, targets: NDArray[np.float32], unlabelled: csr_array, columns: csr_array
) -> NDArray[np.float32]:
    """Return the log-odds that each word adds for each class, float32, (words, classes).

    All classes are taken to be equally frequent.

    Args:
        labelled: The words of the labelled texts, 0 or 1, (texts, words).
        targets: Their classes' probabilities, (texts, classes).
        unlabelled: The words of the unlabelled texts, (texts, words).
        columns: The same transposed, (words, texts).
    """
    given = _LABELLED * (labelled.T @ targets)
    weights = _log_odds(given)
    for _ in range(_ROUNDS):
        estimated = softmax(unlabelled @ weights / _DIVISOR)
        weights = _log_odds(given + _UNLABELLED * (columns @ estimated))
    return weights


def _log_odds(counts: NDArray[np.float32]) -> NDArray[np.float32]:
    counts = counts + np.float32(_ADDED)
    logs = np.log(counts / counts.sum(axis=0))
    result: NDArray[np.float32] = logs - logs.mean(axis=1, keepdims=True)
    return result
