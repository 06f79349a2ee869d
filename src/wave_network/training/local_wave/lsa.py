"""Initialise token embeddings by latent semantic analysis of the training texts.

Tokens that occur in the same texts get similar vectors (Deerwester et al., 1990), from a truncated
singular value decomposition of the texts' TF-IDF matrix.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.utils.extmath import randomized_svd

from wave_network.data.batch import PackedTexts

_MOST_TOKENS: Final = 1_000_000  # bounds time and memory; more change the vectors little


def token_vectors(texts: PackedTexts, vocab_size: int, size: int, seed: int) -> NDArray[np.float32]:
    """Return a vector of unit length for each token; 0 for tokens that occur in no or all texts.

    Args:
        texts: The training texts; of large data, a random sample of a million tokens.
        vocab_size: Number of tokens.
        size: Dimensions of the vectors; few texts give fewer.
        seed: Seed of the sample and the decomposition.

    Returns:
        float32, (vocab_size, at most size).
    """
    texts = texts.bounded(_MOST_TOKENS, seed)
    weights = _tf_idf(texts, vocab_size)
    rank = min(size, *(extent - 1 for extent in weights.shape))
    if rank < 1:
        return np.zeros((vocab_size, 0), np.float32)
    _, values, rows = randomized_svd(weights, rank, n_iter=4, random_state=seed)
    vectors = rows.T * np.sqrt(values)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    result: NDArray[np.float32] = np.divide(
        vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-6
    ).astype(np.float32)
    return result


def _tf_idf(texts: PackedTexts, vocab_size: int) -> csr_array:
    """Return the TF-IDF matrix with logarithmic counts and unit rows, (texts, vocabulary)."""
    ones = np.ones(len(texts.ids), np.float32)
    shape = (len(texts), vocab_size)
    counts = csr_array((ones, texts.ids, texts.offsets), shape=shape, copy=True)
    counts.sum_duplicates()  # in place: hence the copy
    frequency = np.bincount(counts.indices, minlength=vocab_size).clip(min=1)
    rarity = np.log(len(texts) / frequency).astype(np.float32)  # 0 for tokens in all texts
    counts.data = (1 + np.log(counts.data)) * rarity[counts.indices]
    rows = np.repeat(np.arange(len(texts)), np.diff(counts.indptr))
    squares = np.bincount(rows, counts.data**2, minlength=len(texts))
    counts.data /= np.sqrt(squares.clip(min=1e-12))[rows].astype(np.float32)
    return counts
