"""Vectors of what texts are about, learnt from the texts alone.

Latent semantic analysis (Deerwester et al., 1990): a truncated singular value decomposition of the
texts' TF-IDF matrix. Texts about one topic get similar vectors, even if they share no word.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.numerics.dense import unit_rows
from wave_network.numerics.sparse import CsrMatrix
from wave_network.numerics.svd import randomized_svd

_DIMENSIONS: Final = 64
_ROUNDS: Final = 3


def topic_vectors(words: CsrMatrix, seed: int) -> NDArray[np.float32]:
    """Return a vector of unit length for each text; 0 for a text without a word in the matrix.

    Args:
        words: The TF-IDF matrix, (texts, words).
        seed: Seed of the decomposition.

    Returns:
        float32, (texts, at most 64).
    """
    vectors = words @ randomized_svd(words, _DIMENSIONS, seed, _ROUNDS).vectors
    return unit_rows(vectors)
