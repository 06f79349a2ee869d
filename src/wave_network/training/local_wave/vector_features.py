"""Word vectors in the linear part: dense features of the texts, whose weights fold into tokens.

A linear classifier on the sum of a text's word vectors gives every token the product of its vector
and the classifier's weights. So vectors serve the fit alone: afterwards the products are added to
the weights of the tokens, also of those that no training text has.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.data.batch import PackedTexts
from wave_network.few_labels.text_vectors import text_vectors
from wave_network.numerics.sparse import CsrMatrix, horizontal
from wave_network.training.local_wave.ngram_matrix import LinearFeatures

_LENGTH: Final = 0.8  # of a text's vector with few texts; that of its other features is about 1
_FEW_TEXTS: Final = 64  # with more, the other features tell more


def with_vectors(
    features: LinearFeatures, texts: PackedTexts, vectors: NDArray[np.float32]
) -> LinearFeatures:
    """Append the vectors of texts to their features.

    Args:
        features: The other features.
        texts: The texts.
        vectors: A vector for each token, as `fitted_to` returns them, (vocabulary, size).
    """
    length = _LENGTH * min(1.0, (_FEW_TEXTS / len(texts)) ** (1 / 3))
    vectors = vectors * np.float32(length)
    dense = CsrMatrix.of_dense(text_vectors(texts, vectors))
    return features._replace(matrix=horizontal([features.matrix, dense]), vectors=vectors)


def spelt_beside_vectors(texts: PackedTexts, vectors: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which words are spelt: all but those of no text, whose vectors tell more than it.

    Args:
        texts: The texts.
        vectors: A vector for each entry, (vocabulary, size).

    Returns:
        (vocabulary,).
    """
    in_texts = np.isin(np.arange(len(vectors)), texts.ids)
    spelt: NDArray[np.bool_] = in_texts | ~np.any(vectors, axis=1)
    return spelt
