"""Word vectors in the linear part: dense features of the texts, whose weights fold into tokens.

A linear classifier on the sum of a text's word vectors gives every token the product of its vector
and the classifier's weights. So vectors serve the fit alone: afterwards the products are added to
the weights of the tokens, also of those that no training text has.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

from wave_network.data.batch import PackedTexts
from wave_network.few_labels.text_vectors import text_vectors
from wave_network.training.local_wave.ngram_matrix import LinearFeatures

_LENGTH: Final = 0.5  # of a text's vector; that of its other features is about 1


def with_vectors(
    features: LinearFeatures, texts: PackedTexts, vectors: NDArray[np.float32]
) -> LinearFeatures:
    """Append the vectors of texts to their features.

    Args:
        features: The other features.
        texts: The texts.
        vectors: A vector for each token, as `fitted_to` returns them, (vocabulary, size).
    """
    vectors = vectors * np.float32(_LENGTH)
    dense = csr_array(text_vectors(texts, vectors))
    matrix = csr_array(hstack([features.matrix, dense], format="csr"))
    return features._replace(matrix=matrix, vectors=vectors)
