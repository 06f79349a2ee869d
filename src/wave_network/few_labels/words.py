"""Which words and bigrams each text has, as sparse matrices."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.numerics.sparse import CsrMatrix, horizontal
from wave_network.text import TextTokenizer
from wave_network.text.batches import TokenBatch

_LEAST_TEXTS: Final = 3  # rarer words and bigrams are left out
_BUCKETS_IN_BITS: Final = 20
_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio (Knuth, 1973)


def words_and_bigrams(texts: TokenBatch, tokenizer: TextTokenizer) -> tuple[CsrMatrix, CsrMatrix]:
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


def without_frequent(features: CsrMatrix, share: float) -> CsrMatrix:
    """Leave out the columns that more than this share of the texts has."""
    return features.select_columns(features.column_counts() <= share * features.shape[0])


def tf_idf(counts: CsrMatrix) -> CsrMatrix:
    """Return logarithmic counts times inverse document frequencies, with rows of length 1.

    A column that all rows have, and a row without any other, is 0.

    Args:
        counts: How often each text has each word, (texts, words), no column twice in a row.
    """
    frequency = counts.column_counts().clip(min=1)
    rarity = np.log(counts.shape[0] / frequency).astype(np.float32)
    return counts.with_data(1 + np.log(counts.data)).scaled_columns(rarity).with_unit_rows()


def joined(first: CsrMatrix, second: CsrMatrix, share: float) -> CsrMatrix:
    """Join the columns of two matrices, those of the second scaled, with rows of length 1."""
    return horizontal([first, second.with_data(second.data * np.float32(share))]).with_unit_rows()


def _presence(
    codes: NDArray[np.int32], counting: NDArray[np.bool_], offsets: NDArray[np.int64], width: int
) -> CsrMatrix:
    """Return the matrix of 1 for each text and code that counts, without rare codes."""
    places = np.concatenate([[0], np.cumsum(counting)])[offsets]
    found = codes[counting]
    matrix = CsrMatrix.of_parts(np.ones(len(found)), found, places, width).summed()
    matrix = matrix.with_data(np.ones(matrix.nnz))
    return matrix.select_columns(matrix.column_counts() >= _LEAST_TEXTS)
