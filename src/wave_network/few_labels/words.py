"""Which words and bigrams each text has, as sparse matrices."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

from wave_network.text import TextTokenizer
from wave_network.text.batches import TokenBatch

_LEAST_TEXTS: Final = 3  # rarer words and bigrams are left out
_BUCKETS_IN_BITS: Final = 20
_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio (Knuth, 1973)


def words_and_bigrams(texts: TokenBatch, tokenizer: TextTokenizer) -> tuple[csr_array, csr_array]:
    """Return which words and which pairs of neighbouring words each text has.

    Only words that the tokenizer has whole count: its pieces of rare words mean little. Pairs are
    hashed into a million buckets. Words and pairs of fewer than three texts are left out.

    Args:
        texts: The texts.
        tokenizer: The trained tokenizer that encoded them.

    Returns:
        Two matrices of 1 where the text has the word or pair, float32, (texts, words) and
        (texts, pairs).
    """
    continued = tokenizer.continuations()[texts.ids]
    whole = ~continued
    whole[:-1] &= ~continued[1:]  # nor the first piece of a word
    whole[texts.offsets[:-1]] = False  # `[CLS]`, so that no pair spans two texts
    paired = np.append(whole[:-1] & whole[1:], False)[: len(whole)]
    ids = texts.ids.astype(np.uint64)
    codes = ids[:-1] * np.uint64(tokenizer.vocab_size) + ids[1:]
    buckets = np.append(codes * _FACTOR >> np.uint64(64 - _BUCKETS_IN_BITS), np.uint64(0))
    return (
        _presence(texts.ids, whole, texts.offsets, tokenizer.vocab_size),
        _presence(buckets.astype(np.int32), paired, texts.offsets, 1 << _BUCKETS_IN_BITS),
    )


def without_frequent(features: csr_array, share: float) -> csr_array:
    """Leave out the columns that more than this share of the texts has."""
    return _columns(features, _frequency(features) <= share * features.shape[0])


def tf_idf(features: csr_array) -> csr_array:
    """Weight columns by inverse document frequency, and scale rows to a length of 1."""
    rarity = np.log(features.shape[0] / _frequency(features).clip(min=1)).astype(np.float32)
    weighted = features.copy()
    weighted.data = rarity[features.indices]
    return _unit_rows(weighted)


def side_by_side(first: csr_array, second: csr_array) -> csr_array:
    """Join the columns of two matrices."""
    return csr_array(hstack([first, second], format="csr"))


def joined(first: csr_array, second: csr_array, share: float) -> csr_array:
    """Join the columns of two matrices, those of the second scaled, with rows of length 1."""
    return _unit_rows(side_by_side(first, second * np.float32(share)))


def _presence(
    codes: NDArray[np.int32], counting: NDArray[np.bool_], offsets: NDArray[np.int64], width: int
) -> csr_array:
    """Return the matrix of 1 for each text and code that counts, without rare codes."""
    places = np.concatenate([[0], np.cumsum(counting)])[offsets].astype(np.int32)
    codes = codes[counting]
    shape = (len(offsets) - 1, width)
    matrix = csr_array((np.ones(len(codes), np.float32), codes, places), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return _columns(matrix, _frequency(matrix) >= _LEAST_TEXTS)


def _frequency(features: csr_array) -> NDArray[np.int64]:
    """Count the texts of each column, (columns,)."""
    return np.bincount(features.indices, minlength=features.shape[1])


def _columns(matrix: csr_array, chosen: NDArray[np.bool_]) -> csr_array:
    """Select columns, in order."""
    kept = chosen[matrix.indices]
    places = (np.cumsum(chosen) - 1).astype(np.int32)
    ends = np.concatenate([[0], np.cumsum(kept)])[matrix.indptr].astype(np.int32)
    shape = (matrix.shape[0], int(chosen.sum()))
    return csr_array((matrix.data[kept], places[matrix.indices[kept]], ends), shape=shape)


def _unit_rows(matrix: csr_array) -> csr_array:
    """Scale each row to a Euclidean length of 1."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    squares = np.bincount(rows, np.square(matrix.data), minlength=matrix.shape[0])
    matrix.data = (matrix.data / np.sqrt(squares.clip(min=1e-12))[rows]).astype(np.float32)
    return matrix
