"""Vectors of the n-grams of characters of words: words that are spelt alike are often related.

A word is about the mean of its n-grams, as in fastText: their vectors are those of a ridge
regression of the words' vectors. Added to these, they draw words together that share n-grams, and
they give vectors to words that the texts lack. Only n-grams of several words can tell anything.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.numerics.sparse import CsrMatrix
from wave_network.progress.stages import stage
from wave_network.text.fasttext_dictionary import FastTextDictionary, line_reader

_LEAST_WORDS: Final = 2
_MOST: Final = 2**18  # n-grams: those that most words share
_PENALTY: Final = 0.1  # chosen by how well it predicts words that are held out
_SHARE: Final = 2.0
_ROUNDS: Final = 20

Floats = NDArray[np.float32]


class Subwords(NamedTuple):
    """N-grams of characters with vectors.

    Attributes:
        buckets: What `fasttext_dictionary.hashed` makes of each, modulo the number of buckets;
            rising, int32, (n-grams,).
        vectors: float32, (n-grams, size).
    """

    buckets: NDArray[np.int32]
    vectors: Floats


def with_subwords(dictionary: FastTextDictionary, vectors: Floats) -> tuple[Floats, Subwords]:
    """Fit vectors of n-grams to the vectors of words, and add their means to these.

    Args:
        dictionary: Of the words, with all buckets.
        vectors: Of length 1, float32, (words, size).

    Returns:
        The sums, (words, size), and the n-grams.
    """
    with stage("fitting subwords"):
        found = _ngrams_of(dictionary)
        words_with = found.column_counts()
        shared = np.flatnonzero(words_with >= _LEAST_WORDS)
        most_shared = np.argsort(-words_with[shared], kind="stable")[:_MOST]
        kept = np.zeros(found.shape[1], np.bool_)
        kept[shared[most_shared]] = True
        ngrams = found.select_columns(kept)
        totals = np.bincount(ngrams.rows, ngrams.data, minlength=len(vectors))
        means = ngrams.scaled_rows(1 / np.maximum(totals, 1))
        rows = np.float32(_SHARE) * _ridge(means, vectors)
        return vectors + means @ rows, Subwords(np.flatnonzero(kept).astype(np.int32), rows)


def _ngrams_of(dictionary: FastTextDictionary) -> CsrMatrix:
    """Return how often each word has each n-gram, (words, buckets)."""
    lines = line_reader(dictionary).read(dictionary.entries)
    ends = np.concatenate([[0], np.cumsum(lines.ids >= dictionary.words)])
    buckets = lines.ids[lines.ids >= dictionary.words] - dictionary.words
    ones = np.ones(len(buckets), np.float32)
    return CsrMatrix.of_parts(ones, buckets, ends[lines.offsets], dictionary.buckets).summed()


def _ridge(features: CsrMatrix, targets: Floats) -> Floats:
    """Solve a ridge regression by conjugate gradients, each column of the targets by itself."""
    transposed = features.transposed()
    solution = np.zeros((features.shape[1], targets.shape[1]), np.float32)
    residual = transposed @ targets
    direction = residual.copy()
    square = _squares(residual)
    for _ in range(_ROUNDS):
        moved = transposed @ (features @ direction) + np.float32(_PENALTY) * direction
        step = _ratio(square, np.einsum("ij,ij->j", direction, moved, dtype=np.float64))
        solution += step * direction
        residual -= step * moved
        before, square = square, _squares(residual)
        direction = residual + _ratio(square, before) * direction
    return solution


def _squares(columns: Floats) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.einsum("ij,ij->j", columns, columns, dtype=np.float64)
    return found


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0).astype(np.float32)
