"""Word vectors in the linear part: dense features of the texts, whose weights fold into tokens.

A linear classifier on the sum of a text's word vectors gives every token the product of its vector
and the classifier's weights. So vectors serve the fit alone: afterwards the products are added to
the weights of the tokens, also of those that no training text has.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

from wave_network.data.batch import PackedTexts
from wave_network.few_labels.text_vectors import mean_length, summed_vectors

_LENGTH: Final = (
    0.5  # root mean square length of the dense features; that of the sparse ones is about 1
)


class VectorFeatures(NamedTuple):
    """The features of texts with their vectors.

    Attributes:
        features: The sparse features and then the dense ones, (texts, features + size).
        vectors: The vectors of tokens in the scale of the dense features, (vocabulary, size).
    """

    features: csr_array
    vectors: NDArray[np.float32]


def with_vectors(
    features: csr_array, texts: PackedTexts, vectors: NDArray[np.float32]
) -> VectorFeatures:
    """Append the vectors of texts to their features.

    Args:
        features: The sparse features, (texts, features).
        texts: The texts.
        vectors: A vector for each token, (vocabulary, size).
    """
    dense = summed_vectors(texts, vectors)
    dense = dense - dense.mean(axis=0)
    scale = np.float32(_LENGTH / mean_length(dense))
    joined = hstack([features, csr_array(dense * scale)], format="csr")
    return VectorFeatures(csr_array(joined), vectors * scale)
