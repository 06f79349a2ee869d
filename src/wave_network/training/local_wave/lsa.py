"""Initialise token embeddings by latent semantic analysis of the training texts.

Tokens that occur in the same texts get similar vectors (Deerwester et al., 1990), from a truncated
singular value decomposition of the texts' TF-IDF matrix.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.data.batch import PackedTexts
from wave_network.few_labels.words import tf_idf
from wave_network.numerics.dense import unit_rows
from wave_network.numerics.sparse import CsrMatrix
from wave_network.numerics.svd import randomized_svd

_MOST_TOKENS: Final = 1_000_000  # bounds time and memory; more change the vectors little
_ROUNDS: Final = 2  # of the decomposition; with 4 models were as accurate


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
    ones = np.ones(len(texts.ids))
    counts = CsrMatrix.of_parts(ones, texts.ids, texts.offsets, vocab_size).summed()
    weights = tf_idf(counts)
    rank = min(size, *(extent - 1 for extent in weights.shape))
    if rank < 1:
        return np.zeros((vocab_size, 0), np.float32)
    values, vectors = randomized_svd(weights, rank, seed, _ROUNDS)
    vectors *= np.sqrt(values)
    return unit_rows(vectors)
