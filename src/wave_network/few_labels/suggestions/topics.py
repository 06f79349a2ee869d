"""Vectors of what texts are about, learnt from the texts alone, with NumPy alone.

Latent semantic analysis (Deerwester et al., 1990): a truncated singular value decomposition of the
texts' TF-IDF matrix, randomised (Halko et al., 2011). Texts about one topic get similar vectors,
even if they share no word.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.few_labels.suggestions.word_matrix import SparseMatrix

_DIMENSIONS: Final = 64
_EXTRA: Final = 16  # dimensions that make the random decomposition accurate
_ROUNDS: Final = 3


def topic_vectors(words: SparseMatrix, seed: int) -> NDArray[np.float32]:
    """Return a vector of unit length for each text; 0 for a text without a word in the matrix.

    Args:
        words: The TF-IDF matrix, (texts, words).
        seed: Seed of the decomposition.

    Returns:
        float32, (texts, at most 64).
    """
    size = min(_DIMENSIONS + _EXTRA, *words.shape)
    basis = np.random.default_rng(seed).standard_normal((words.shape[1], size), np.float32)
    for _ in range(_ROUNDS):
        basis, _ = np.linalg.qr(words.times(basis))
        basis = words.transposed.times(basis)
    rows, _ = np.linalg.qr(words.times(basis))
    left, values, _ = np.linalg.svd(words.transposed.times(rows).T, full_matrices=False)
    vectors = rows @ (left * values)[:, :_DIMENSIONS]
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    result: NDArray[np.float32] = np.divide(
        vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-6
    )
    return result
