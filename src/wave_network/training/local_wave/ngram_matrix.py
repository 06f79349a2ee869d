"""The features of the linear part: a sparse matrix of texts' tokens and n-grams.

Both passes over the texts are compiled where the extension was built.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from wave_network import _native
from wave_network.config import LocalWaveConfig
from wave_network.config.local_wave import Ngram
from wave_network.data.batch import PackedTexts
from wave_network.models.local_wave.native import native_shape
from wave_network.models.local_wave.ngrams import NGRAMS, ngram_buckets

_UNIT: Final = 7.0  # makes a text's features about as long as a unit vector
_LEAST_TEXTS: Final = 2  # that a feature must occur in
_TEXTS_AT_ONCE: Final = 4_096


def linear_features(
    texts: PackedTexts, config: LocalWaveConfig
) -> tuple[csr_array, NDArray[np.float32]]:
    """The features of texts, and what a count of each is multiplied by.

    A token counts by the root of its text's length, an n-gram by that of the number of pairs, and
    both by how rare they are; what occurs in a single text is left out.

    Args:
        texts: Packed texts.
        config: The model's, with a linear part.

    Returns:
        float32, (texts, vocabulary + buckets), no column twice in a row; and float32,
        (vocabulary + buckets,), 0 for what is left out.
    """
    if _native.compiled is None:
        counts = _counts(texts, config)
        frequency = column_sums(counts, np.ones((len(texts), 1), np.float32))[:, 0]
        scales = _scales(frequency, len(texts))
        counts.data *= scales[counts.indices]
        counts.eliminate_zeros()
        return counts, scales
    width = config.vocab_size + config.linear_buckets
    texts_and_sizes: dict[str, Any] = {
        "shape": native_shape(config),
        "ids": np.ascontiguousarray(texts.ids, np.int32),
        "offsets": texts.offsets,
        "vocabulary": config.vocab_size,
        "buckets": config.linear_buckets,
    }
    frequencies = np.empty(width, np.int32)
    _native.compiled.document_frequencies(**texts_and_sizes, frequencies=frequencies)
    scales = _scales(frequencies, len(texts))
    entries = int(frequencies[scales > 0].sum())
    columns, values = np.empty(entries, np.int32), np.empty(entries, np.float32)
    offsets = np.zeros(len(texts) + 1, np.int64)
    _native.compiled.ngram_rows(
        **texts_and_sizes, scales=scales, row_ends=offsets[1:], columns=columns, values=values
    )
    return _matrix(values, columns, offsets, width), scales


def column_sums(features: csr_array, weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """The weights of the texts that have each feature, summed, float32, (features, columns).

    Args:
        features: (texts, features).
        weights: Of each text, (texts, columns).
    """
    result = np.zeros((features.shape[1], weights.shape[1]), np.float32)
    if _native.compiled is not None:
        offsets = features.indptr.astype(np.int64)
        weights = np.ascontiguousarray(weights, np.float32)
        _native.compiled.column_sums(offsets, features.indices, weights, result)
        return result
    # Some at a time: a matrix of ones of all texts would take half of their features' room again.
    for begin in range(0, features.shape[0], _TEXTS_AT_ONCE):
        block = features[begin : begin + _TEXTS_AT_ONCE]
        block.data[:] = 1
        result += block.T @ weights[begin : begin + _TEXTS_AT_ONCE]
    return result


def _scales(frequency: NDArray[np.number], texts: int) -> NDArray[np.float32]:
    """By how rare features are that so many texts have, (features,)."""
    rarity = np.log((texts + 1) / (frequency + 1)) + 1
    return np.where(frequency >= _LEAST_TEXTS, rarity / _UNIT, 0.0).astype(np.float32)


def _matrix(
    values: NDArray[np.float32], columns: NDArray[np.int32], offsets: NDArray[np.int64], width: int
) -> csr_array:
    shape = (len(offsets) - 1, width)
    # Of one type, or SciPy copies the columns.
    return csr_array((values, columns, offsets.astype(np.int32)), shape=shape)


def _counts(texts: PackedTexts, config: LocalWaveConfig) -> csr_array:
    """How often a text has each token and n-gram, by a root of its length; float32."""
    lengths = np.diff(texts.offsets)
    entries = lengths + sum(_numbers(lengths, kind) for kind in config.linear_ngrams)
    offsets = np.concatenate([[0], np.cumsum(entries)])
    columns, values = np.empty(offsets[-1], np.int32), np.empty(offsets[-1], np.float32)
    # Some at a time, as hashing takes several times the room of what it gives.
    for begin in range(0, len(texts), _TEXTS_AT_ONCE):
        bounds = texts.offsets[begin : begin + _TEXTS_AT_ONCE + 1]
        part = PackedTexts(texts.ids[bounds[0] : bounds[-1]], bounds - bounds[0])
        row = slice(offsets[begin], offsets[min(begin + _TEXTS_AT_ONCE, len(texts))])
        _write_entries(columns[row], values[row], part, config)
    counts = _matrix(values, columns, offsets, config.vocab_size + config.linear_buckets)
    counts.sum_duplicates()
    return counts


def _numbers(lengths: NDArray[np.int64], ngram: Ngram) -> NDArray[np.int64]:
    """How many n-grams of a kind texts of such lengths have."""
    return np.maximum(lengths - NGRAMS[ngram].reach, 0)


def _write_entries(
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    texts: PackedTexts,
    config: LocalWaveConfig,
) -> None:
    """Write the entries of `_counts`, text by text, each token and n-gram by itself."""
    lengths = np.diff(texts.offsets)
    per_token, per_ngram = 1 / np.sqrt(lengths), 1 / np.sqrt(np.maximum(lengths - 1, 1))
    numbers = [_numbers(lengths, kind) for kind in config.linear_ngrams]
    ends = np.cumsum(lengths + sum(numbers))
    free = np.concatenate([[0], ends[:-1]])  # the next place in each text's row
    free = _fill(columns, values, free, texts.ids, lengths, per_token)
    for kind, number in zip(config.linear_ngrams, numbers, strict=True):
        found = config.vocab_size + _buckets(texts, kind, config.linear_buckets)
        free = _fill(columns, values, free, found, number, per_ngram)


def _fill(
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    free: NDArray[np.int64],
    found: NDArray[np.integer],
    numbers: NDArray[np.int64],
    scales: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Write columns that texts have, and each text's scale beside them, where there is room.

    Args:
        columns: Of all entries; written to.
        values: Likewise.
        free: Where each text's next entry goes.
        found: The columns, text by text.
        numbers: How many each text has.
        scales: The texts' values.

    Returns:
        What is free then.
    """
    ends = np.cumsum(numbers)
    places = np.repeat(free - (ends - numbers), numbers)
    places += np.arange(len(found))
    columns[places] = found
    values[places] = np.repeat(scales.astype(np.float32), numbers)
    return free + numbers


def _buckets(texts: PackedTexts, ngram: Ngram, buckets: int) -> NDArray[np.int64]:
    """Those of all n-grams of a kind within texts, one after the other."""
    reach = NGRAMS[ngram].reach
    within = np.ones(len(texts.ids) + reach, bool)
    for place in range(reach):  # a text's first tokens end no n-gram
        within[texts.offsets[:-1] + place] = False
    found = ngram_buckets(ngram, texts.ids.astype(np.int64), buckets)
    return found[within[reach : len(texts.ids)]]
