"""A start for token embeddings that the texts give by themselves: latent semantic analysis.

Tokens that occur in the same texts start close to each other (Deerwester et al., 1990): a truncated
singular value decomposition of the texts' TF-IDF matrix, one vector a token.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.utils.extmath import randomized_svd

from wave_network.data.batch import PackedTexts

_MOST_TOKENS: Final = 1_000_000  # more tell little, and time and memory stay bounded


def token_vectors(texts: PackedTexts, vocab_size: int, size: int, seed: int) -> NDArray[np.float32]:
    """One vector a token, of unit length; 0 for tokens that say nothing of a text.

    Args:
        texts: The training texts; of many, random ones with a million tokens are read.
        vocab_size: Rows wanted.
        size: Columns wanted; few texts give fewer.
        seed: Seeds the choice of texts and the decomposition.

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
    """Logarithmic counts times inverse document frequencies, (texts, vocabulary), unit rows."""
    ones = np.ones(len(texts.ids), np.float32)
    shape = (len(texts), vocab_size)
    counts = csr_array((ones, texts.ids, texts.offsets), shape=shape, copy=True)
    counts.sum_duplicates()  # in place: hence the copy
    frequency = np.bincount(counts.indices, minlength=vocab_size).clip(min=1)
    rarity = np.log(len(texts) / frequency).astype(np.float32)  # 0 for what is in every text
    counts.data = (1 + np.log(counts.data)) * rarity[counts.indices]
    rows = np.repeat(np.arange(len(texts)), np.diff(counts.indptr))
    squares = np.bincount(rows, counts.data**2, minlength=len(texts))
    counts.data /= np.sqrt(squares.clip(min=1e-12))[rows].astype(np.float32)
    return counts
