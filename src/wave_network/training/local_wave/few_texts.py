"""The features of the linear part if texts are few: how words are spelt tells something, too.

Most words of a new text are then unknown, and most known ones occurred once. With character n-grams
as further features, words that are spelt alike ("play", "player") share what is learnt (as in
Bojanowski et al., 2017). They are features in training only: a text's score is a sum over its
tokens, so the weights of a token's character n-grams are added to its own. The model has one row
for each token as ever, and unknown words get the rows of the pieces that they are split into.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

from wave_network.config import LocalWaveConfig
from wave_network.data.batch import PackedTexts
from wave_network.training.local_wave.ngram_matrix import LinearFeatures, ngram_counts

FEW_TOKENS: Final = 250_000
"""With more tokens in the training texts, spelling tells nothing that the tokens do not."""

_SIZES: Final = (3, 4, 5)  # characters of an n-gram; the space before a word is one
_NGRAM_SHARE: Final = 0.7  # the root of the energy of token n-grams, in that of the tokens


def few_text_features(
    texts: PackedTexts, config: LocalWaveConfig, entries: Sequence[str]
) -> LinearFeatures:
    """Return the features of few texts: tokens, token n-grams and character n-grams.

    Each is multiplied by an inverse document frequency; all features of a text together have unit
    length. Repeated tokens count about as the logarithm of their number. Character n-grams have as
    much energy as tokens with hardly any texts, and ever less up to `FEW_TOKENS`.

    Args:
        texts: Packed texts.
        config: The configuration of a model with a dense linear part.
        entries: The spelling of each vocabulary entry; a leading space starts a word.
    """
    counts = ngram_counts(texts, config)
    words, ngrams = counts[:, : config.vocab_size], counts[:, config.vocab_size :]
    damping = _damping(words, np.diff(texts.offsets))
    words = _times(words, damping)
    spelling = _spelling(entries)  # (vocabulary, character n-grams)
    spelling.data *= np.repeat(damping, np.diff(spelling.indptr))
    spelt = csr_array(counts[:, : config.vocab_size] @ spelling)
    share = max(0.0, 1 - sqrt(len(texts.ids) / FEW_TOKENS))
    parts, scales = [], []
    for part, relative in ((words, 1.0), (ngrams, _NGRAM_SHARE), (spelt, share)):
        scale = _rarity(part)
        part = _times(part, scale)
        energy = float(np.square(part.data).sum())
        if not parts:
            unit = energy
        factor = relative * sqrt(unit / max(energy, 1e-12))
        parts.append(part * np.float32(factor))
        scales.append(scale * np.float32(factor))
    matrix = csr_array(hstack(parts))
    squares = csr_array(matrix.multiply(matrix)).sum(axis=1)
    inverse = 1 / np.sqrt(np.maximum(squares, 1e-12))
    matrix.data *= np.repeat(inverse, np.diff(matrix.indptr)).astype(np.float32)
    usual = np.float32(inverse.mean())  # texts to be predicted are not normalised
    scales[0] = scales[0] * damping
    spelling.data *= scales[2][spelling.indices] * usual
    return LinearFeatures(_in_32_bits(matrix), np.concatenate(scales[:2]) * usual, spelling)


def _spelling(entries: Sequence[str]) -> csr_array:
    """Return which character n-grams each entry has, float32, (entries, character n-grams)."""
    columns: dict[str, int] = {}
    rows: list[list[int]] = []
    for entry in entries:
        found = {
            entry[start : start + size]
            for size in _SIZES
            for start in range(len(entry) - size + 1)
        }
        rows.append([columns.setdefault(ngram, len(columns)) for ngram in sorted(found)])
    lengths = list(map(len, rows))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    indices = np.fromiter((column for row in rows for column in row), np.int64, offsets[-1])
    ones = np.ones(offsets[-1], np.float32)
    return csr_array((ones, indices, offsets), shape=(len(entries), max(len(columns), 1)))


def _damping(words: csr_array, lengths: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return what each token is multiplied by so that counts grow logarithmically, on average.

    Logarithmic counts serve best, but a text's score is a sum over all its tokens.

    Args:
        words: The count of each token, divided by the root of the text's length, (texts, tokens).
        lengths: The length of each text.
    """
    counts = words.data * np.sqrt(np.repeat(lengths, np.diff(words.indptr)))
    width = words.shape[1]
    plain = np.bincount(words.indices, counts, minlength=width)
    damped = np.bincount(words.indices, 1 + np.log(np.maximum(counts, 1)), minlength=width)
    return np.divide(damped, plain, out=np.ones(width), where=plain > 0).astype(np.float32)


def _rarity(counts: csr_array) -> NDArray[np.float32]:
    """Return the inverse document frequency of each feature."""
    texts, width = counts.shape
    frequency = np.bincount(counts.indices, minlength=width)
    return (np.log((texts + 1) / (frequency + 1)) + 1).astype(np.float32)


def _times(matrix: csr_array, scales: NDArray[np.float32]) -> csr_array:
    """Multiply the columns of a matrix."""
    result = matrix.copy()
    result.data *= scales[result.indices]
    return result


def _in_32_bits(matrix: csr_array) -> csr_array:
    """Return a matrix as the native solver reads it."""
    arrays = matrix.data, matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)
    return csr_array(arrays, shape=matrix.shape)
