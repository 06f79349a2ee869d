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
from wave_network.training.local_wave.svm import MANY_TEXTS, Fit

FEW_TOKENS: Final = 1_000_000
"""With more tokens in the training texts, spelling tells nothing that the tokens do not."""

_SIZES: Final = (3, 4, 5)  # characters of an n-gram; the space before a word is one
_SPELLING_SHARE: Final = 1.75  # roots of energies, with hardly any texts; tokens have 1
_NGRAM_SHARE: Final = 0.3
_EVEN_SHARE: Final = 0.7  # with hardly any texts, most features occur once
_COST: Final = 1.0
_TOLERANCE: Final = 0.01
_LEAST_ENERGY: Final = 1e-12


def few_text_features(
    texts: PackedTexts, config: LocalWaveConfig, entries: Sequence[str]
) -> LinearFeatures:
    """Return the features of few texts: tokens, token n-grams and character n-grams.

    Each is multiplied by an inverse document frequency; all features of a text together have unit
    length. Repeated tokens count about as the logarithm of their number. With hardly any texts,
    character n-grams weigh more than tokens, and token n-grams less; both shares change with the
    number of tokens, up to `FEW_TOKENS`.

    Args:
        texts: Packed texts.
        config: The configuration of a model with a dense linear part.
        entries: The spelling of each vocabulary entry; a leading space starts a word.
    """
    few = max(0.0, 1 - sqrt(len(texts.ids) / FEW_TOKENS))  # 1 with hardly any, 0 with many
    counts = ngram_counts(texts, config)
    tokens, ngrams = counts[:, : config.vocab_size], counts[:, config.vocab_size :]
    lengths = np.diff(texts.offsets)
    damping = _damping(tokens, lengths)
    spelling = _spelling(entries)
    spelling.data *= np.repeat(damping, np.diff(spelling.indptr))
    characters = csr_array(tokens @ spelling)
    blocks, scales = [], []
    for block, share, damped in (
        (tokens, 1.0, damping),
        (ngrams, few * _NGRAM_SHARE + (1 - few), np.ones(ngrams.shape[1])),
        (characters, few * _SPELLING_SHARE, _damping(characters, lengths)),
    ):
        scale = _rarity(block) * damped
        energy = _energies(_times(block, scale)).sum()
        scale *= share / np.sqrt(max(energy, _LEAST_ENERGY))
        blocks.append(_times(block, scale))
        scales.append(scale)
    matrix = csr_array(hstack(blocks))
    inverse = 1 / np.sqrt(np.maximum(_energies(matrix), _LEAST_ENERGY))
    matrix.data *= np.repeat(inverse, np.diff(matrix.indptr))
    usual = inverse.mean()  # for texts to be predicted, which the model does not normalise
    token_scales, ngram_scales, character_scales = (scale * usual for scale in scales)
    return LinearFeatures(
        _in_32_bits(matrix),
        np.concatenate([token_scales, ngram_scales]).astype(np.float32),
        _times(spelling, character_scales),
        Fit(_COST, _TOLERANCE, few * _EVEN_SHARE + (1 - few) * MANY_TEXTS.even_share),
    )


def _spelling(entries: Sequence[str]) -> csr_array:
    """Return which character n-grams each entry has, float32, (entries, character n-grams)."""
    lengths = np.fromiter(map(len, entries), np.int64, len(entries))
    owners = np.repeat(np.arange(len(entries)), lengths)  # the entry of each character
    spelt = "".join(entries).encode("utf-32-le", "surrogatepass")
    starts, ngrams = np.arange(len(owners)), np.frombuffer(spelt, np.uint32).astype(np.int64)
    rows, columns, width = [], [], 0
    for size in range(2, max(_SIZES) + 1):  # an n-gram is two overlapping ones that are shorter
        followed = np.flatnonzero(
            (np.diff(starts) == 1) & (owners[starts[:-1]] == owners[starts[:-1] + size - 1])
        )
        pairs = ngrams[followed] << 32 | ngrams[followed + 1]
        kinds, ngrams = np.unique(pairs, return_inverse=True)
        starts = starts[followed]
        if size in _SIZES:
            rows.append(owners[starts])
            columns.append(ngrams + width)
            width += len(kinds)
    places = np.concatenate(rows), np.concatenate(columns)
    ones = np.ones(len(places[0]), np.float32)
    spelling = csr_array((ones, places), shape=(len(entries), max(width, 1)))
    spelling.data[:] = 1  # also of n-grams that an entry has twice
    return spelling


def _damping(features: csr_array, lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what features are multiplied by so that counts grow logarithmically, on average.

    Logarithmic counts serve best, but a text's score is a sum over all its tokens.

    Args:
        features: The count of each feature, divided by the root of the text's length,
            (texts, features).
        lengths: The length of each text.
    """
    counts = features.data * np.sqrt(np.repeat(lengths, np.diff(features.indptr)))
    width = features.shape[1]
    plain = np.bincount(features.indices, counts, minlength=width)
    damped = np.bincount(features.indices, 1 + np.log(np.maximum(counts, 1)), minlength=width)
    damping: NDArray[np.float64] = np.divide(damped, plain, out=np.ones(width), where=plain > 0)
    return damping


def _rarity(counts: csr_array) -> NDArray[np.float64]:
    """Return the inverse document frequency of each feature."""
    texts, width = counts.shape
    frequency = np.bincount(counts.indices, minlength=width)
    rarity: NDArray[np.float64] = np.log((texts + 1) / (frequency + 1)) + 1
    return rarity


def _energies(matrix: csr_array) -> NDArray[np.float64]:
    """Return the sum of the squares of each row."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    squares = np.square(matrix.data, dtype=np.float64)
    return np.bincount(rows, squares, matrix.shape[0]).astype(np.float64)


def _times(matrix: csr_array, scales: NDArray[np.floating]) -> csr_array:
    """Multiply each column by its scale."""
    values = (matrix.data * scales[matrix.indices]).astype(np.float32)
    return csr_array((values, matrix.indices, matrix.indptr), shape=matrix.shape)


def _in_32_bits(matrix: csr_array) -> csr_array:
    """Return a matrix in the types that the native solver reads."""
    values = matrix.data.astype(np.float32)
    places = matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)
    return csr_array((values, *places), shape=matrix.shape)
