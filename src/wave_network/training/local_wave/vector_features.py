"""Word vectors in the linear part: dense features of the texts, whose weights fold into tokens.

A linear classifier on the sum of a text's word vectors gives every token the product of its vector
and the classifier's weights. So vectors serve the fit alone: afterwards the products are added to
the weights of the tokens, also of those that no training text has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

from wave_network.data.batch import PackedTexts
from wave_network.few_labels.text_vectors import text_vectors
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
    dense = csr_array(text_vectors(texts, vectors))
    matrix = csr_array(hstack([features.matrix, dense], format="csr"))
    return features._replace(matrix=matrix, vectors=vectors)


def beside_vectors(
    entries: Sequence[str], texts: PackedTexts, vectors: NDArray[np.float32]
) -> list[str]:
    """Empty the spelling of words that no text has, and whose vectors tell more than it.

    Args:
        entries: The spelling of each vocabulary entry.
        texts: The texts.
        vectors: A vector for each entry, (vocabulary, size).
    """
    in_texts = np.isin(np.arange(len(vectors)), texts.ids)
    spelt = in_texts | ~np.any(vectors, axis=1)
    return [entry if kept else "" for entry, kept in zip(entries, spelt, strict=True)]
