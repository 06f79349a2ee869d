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

from wave_network.numerics.sparse import CsrMatrix
from wave_network.numerics.svd import randomized_svd
from wave_network.progress.stages import stage

_SMOOTHING: Final = 0.75
_POWER: Final = 0.5
_ROUNDS: Final = 3


def factorise(counts: CsrMatrix, size: int, seed: int) -> NDArray[np.float32]:
    """Return a vector for each word, float32, (words, at most size).

    Args:
        counts: How often words are neighbours, symmetric, (words, words).
        size: Numbers of a vector; few words give fewer.
        seed: Seed of the decomposition.
    """
    rank = min(size, counts.shape[0])
    with stage("decomposing"):
        values, vectors = randomized_svd(associations(counts).transposed(), rank, seed, _ROUNDS)
    scaled: NDArray[np.float32] = vectors * values**_POWER
    return scaled


def associations(counts: CsrMatrix) -> CsrMatrix:
    """Return the positive pointwise mutual information of words and neighbours, of their shape."""
    sums = np.bincount(counts.indices, counts.data, minlength=counts.shape[1])
    shares = sums**_SMOOTHING
    shares /= max(shares.sum(), 1)
    with np.errstate(divide="ignore"):
        rows, columns = -np.log(sums), -np.log(shares)
    information = np.log(counts.data)
    information += np.repeat(rows, np.diff(counts.indptr)).astype(np.float32)
    information += columns.astype(np.float32)[counts.indices]
    return counts.with_data(np.maximum(information, 0)).without_zeros()
