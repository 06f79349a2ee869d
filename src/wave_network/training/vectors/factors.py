"""Word vectors from counts of neighbours: singular vectors of their association.

Skip-gram with negative sampling factorises, implicitly, the pointwise mutual information of words
and their neighbours (Levy and Goldberg, "Neural word embedding as implicit matrix factorization",
2014). A singular value decomposition does it directly, in the same way whatever the number of
threads. Frequent neighbours tell less: their counts are raised to a power, as in skip-gram (Levy,
Goldberg and Dagan, "Improving distributional similarity with lessons learned from word embeddings",
2015).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.numerics.dense import unit_rows
from wave_network.numerics.sparse import CsrMatrix
from wave_network.numerics.svd import randomized_svd
from wave_network.progress.stages import stage

_SMOOTHING: Final = 0.75
_POWER: Final = 0.75  # of the singular values; 0.5 classifies worse, 1 has worse neighbours
_MORE: Final = 0.25  # singular vectors beside those that are asked for, for accuracy
_ROUNDS: Final = 4


def factorise(counts: CsrMatrix, size: int, seed: int) -> NDArray[np.float32]:
    """Return a vector of length 1 for each word, or 0, float32, (words, size).

    Args:
        counts: How often words are neighbours, symmetric, (words, words).
        size: Numbers of a vector; with few words the last ones are 0.
        seed: Seed of the decomposition.
    """
    rank = min(round(size * (1 + _MORE)), counts.shape[0])
    with stage("decomposing"):
        values, vectors = randomized_svd(associations(counts), rank, seed, _ROUNDS)
    found = vectors[:, :size] * values[:size] ** _POWER
    result = np.zeros((counts.shape[0], size), np.float32)
    result[:, : found.shape[1]] = found - found.mean(axis=0, dtype=np.float64)
    return unit_rows(result)


def associations(counts: CsrMatrix) -> CsrMatrix:
    """Return the positive pointwise mutual information of neighbours and words.

    Args:
        counts: As for `factorise`.

    Returns:
        A row for each neighbour, a column for each word.
    """
    sums = np.bincount(counts.indices, counts.data, minlength=counts.shape[1])
    shares = sums**_SMOOTHING
    shares /= max(shares.sum(), 1)
    with np.errstate(divide="ignore"):
        of_rows, of_columns = (-np.log(each).astype(np.float32) for each in (shares, sums))
    information = np.log(counts.data)
    information += np.repeat(of_rows, np.diff(counts.indptr))
    information += of_columns[counts.indices]
    return counts.with_data(np.maximum(information, 0)).without_zeros()
