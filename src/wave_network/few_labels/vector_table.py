"""A table of word vectors as a source gives it, and what distilled and read vectors have in common.

Mean word vectors classify better if the vectors are centred and frequent words count less (Arora et
al., "A simple but tough-to-beat baseline for sentence embeddings", 2017). Few sources tell how
frequent words are, but nearly all list the most frequent first, and Zipf's law gives the rest.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

SIF: Final = 1e-3
"""A word of this frequency gets half the weight of a rare one: the `a` of Arora et al."""


class VectorTable(NamedTuple):
    """Words and their vectors.

    Attributes:
        words: The most frequent first; a piece that continues a word begins with `##`.
        vectors: float32, (words, size).
        cased: Whether capital letters are told apart.
    """

    words: list[str]
    vectors: NDArray[np.float32]
    cased: bool


def frequency_weights(count: int) -> NDArray[np.float32]:
    """Weight words by the frequencies that Zipf's law gives their ranks, (count,), from 0 to 1.

    Args:
        count: The number of words, the most frequent first.
    """
    shares = 1 / np.arange(2, count + 2, dtype=np.float64)
    shares /= shares.sum()
    return (SIF / (SIF + shares)).astype(np.float32)


def principal_components(
    vectors: NDArray[np.float32], size: int, fitted: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """Centre vectors, and rotate them so that the first numbers say most.

    Args:
        vectors: (words, width).
        size: The number of components to keep; at most `width` are there.
        fitted: The rows that centre and components come from, (words,); None: all.

    Returns:
        float32, (words, size).
    """
    rows = vectors if fitted is None else vectors[fitted]
    mean = rows.mean(axis=0, dtype=np.float64)
    covariance = rows.T.astype(np.float64) @ rows / max(len(rows), 1) - np.outer(mean, mean)
    _, directions = np.linalg.eigh(covariance)  # ascending
    kept = directions[:, ::-1][:, :size]
    largest = np.abs(kept).argmax(axis=0)
    kept = kept * np.sign(kept[largest, np.arange(kept.shape[1])])  # either sign is a solution
    rotated: NDArray[np.float32] = (vectors - mean.astype(np.float32)) @ kept.astype(np.float32)
    return rotated
