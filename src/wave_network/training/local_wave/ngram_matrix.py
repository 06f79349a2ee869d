"""The features of the linear part: a sparse matrix of the tokens and n-grams of texts.

The native module, if it was built, makes both passes over the texts.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network import _native
from wave_network.config import LocalWaveConfig
from wave_network.config.local_wave import Ngram
from wave_network.data.batch import PackedTexts
from wave_network.models.local_wave.native import native_shape
from wave_network.models.local_wave.ngrams import NGRAMS, ngram_buckets
from wave_network.numerics.dense import product
from wave_network.numerics.sparse import CsrMatrix
from wave_network.numerics.svm import MANY_TEXTS, Fit

_UNIT: Final = 7.0  # scales a text's features to about a unit vector
_LEAST_TEXTS: Final = 2  # rarer features are left out
_TEXTS_AT_ONCE: Final = 4_096


class LinearFeatures(NamedTuple):
    """Features of texts, and how weights of the features become rows of the linear part.

    Attributes:
        matrix: (texts, features), no column twice in a row. The first features are the vocabulary
            and the buckets.
        scales: What the weights of these are multiplied by, (vocabulary + buckets,).
        spelling: What the weights of further features, character n-grams, add to the row of each
            vocabulary entry, (vocabulary, further features); None: there are none.
        fit: How closely the machines are to fit these features.
        vectors: As `spelling` for the last features, the texts' word vectors, (vocabulary, size).
    """

    matrix: CsrMatrix
    scales: NDArray[np.float32]
    spelling: CsrMatrix | None = None
    fit: Fit = MANY_TEXTS
    vectors: NDArray[np.float32] | None = None

    def rows(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the rows of the linear part, (vocabulary + buckets, labels).

        Args:
            weights: A weight for each feature and label, (features, labels); may be changed.
        """
        rows = weights[: len(self.scales)]
        rows *= self.scales[:, None]
        further = weights[len(self.scales) :]
        if self.spelling is not None:
            entries, count = self.spelling.shape
            rows[:entries] += self.spelling @ further[:count]
        if self.vectors is not None:
            entries, size = self.vectors.shape
            rows[:entries] += product(self.vectors, further[-size:])
        return rows


def linear_features(texts: PackedTexts, config: LocalWaveConfig) -> LinearFeatures:
    """Return the features of texts: tokens and hashed n-grams.

    The counts of tokens are divided by the root of the text's length, those of n-grams by the root
    of its number of bigrams; both are multiplied by an inverse document frequency. Features that
    occur in a single text are left out.

    Args:
        texts: Packed texts.
        config: The configuration of a model with a linear part.

    Returns:
        The features; the scales are 0 for features that are left out.
    """
    if _native.compiled is None:
        counts = _uncompiled_counts(texts, config)
        frequency = column_sums(counts, np.ones((len(texts), 1), np.float32))[:, 0]
        scales = _scales(frequency, len(texts))
        return LinearFeatures(counts.scaled_columns(scales).without_zeros(), scales)
    frequencies = _document_frequencies(texts, config)
    scales = _scales(frequencies, len(texts))
    entries = int(frequencies[scales > 0].sum())
    return LinearFeatures(_scaled_counts(texts, config, scales, entries), scales)


def ngram_counts(texts: PackedTexts, config: LocalWaveConfig) -> CsrMatrix:
    """Count each text's tokens and n-grams, divided by the root of its number of them.

    Returns:
        (texts, vocabulary + buckets), no column twice in a row.
    """
    if _native.compiled is None:
        return _uncompiled_counts(texts, config)
    frequencies = _document_frequencies(texts, config)
    ones = np.ones(len(frequencies), np.float32)
    return _scaled_counts(texts, config, ones, int(frequencies.sum()))


def _document_frequencies(texts: PackedTexts, config: LocalWaveConfig) -> NDArray[np.int32]:
    """Count the texts of each token and bucket, by compiled code."""
    frequencies = np.empty(config.vocab_size + config.linear_buckets, np.int32)
    _native.compiled.document_frequencies(
        **_native_arguments(texts, config), frequencies=frequencies
    )
    return frequencies


def _scaled_counts(
    texts: PackedTexts, config: LocalWaveConfig, scales: NDArray[np.float32], entries: int
) -> CsrMatrix:
    """Return `ngram_counts` times the scale of each column, by compiled code.

    Args:
        texts: Packed texts.
        config: The configuration of a model with a linear part.
        scales: (vocabulary + buckets,); columns of scale 0 are left out.
        entries: The number of entries in the other columns.
    """
    columns, values = np.empty(entries, np.int32), np.empty(entries, np.float32)
    offsets = np.zeros(len(texts) + 1, np.int64)
    _native.compiled.ngram_rows(
        **_native_arguments(texts, config),
        scales=scales,
        row_ends=offsets[1:],
        columns=columns,
        values=values,
    )
    return CsrMatrix(values, columns, offsets, (len(texts), len(scales)))


def _native_arguments(texts: PackedTexts, config: LocalWaveConfig) -> dict[str, Any]:
    return {
        "shape": native_shape(config),
        "ids": np.ascontiguousarray(texts.ids, np.int32),
        "offsets": texts.offsets,
        "vocabulary": config.vocab_size,
        "buckets": config.linear_buckets,
    }


def column_sums(features: CsrMatrix, weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum the weights of the texts that have each feature, float32, (features, columns).

    Args:
        features: (texts, features).
        weights: The weights of each text, (texts, columns).
    """
    result = np.zeros((features.shape[1], weights.shape[1]), np.float32)
    if _native.compiled is not None:
        weights = np.ascontiguousarray(weights, np.float32)
        _native.compiled.column_sums(features.indptr, features.indices, weights, result)
        return result
    # In blocks: ones for all texts at once would take half the memory of the features.
    for begin in range(0, features.shape[0], _TEXTS_AT_ONCE):
        block = features.row_range(begin, min(begin + _TEXTS_AT_ONCE, features.shape[0]))
        having = block.with_data(np.ones_like(block.data))
        result += having.transposed() @ weights[begin : begin + _TEXTS_AT_ONCE]
    return result


def _uncompiled_counts(texts: PackedTexts, config: LocalWaveConfig) -> CsrMatrix:
    """Return `ngram_counts` without compiled code."""
    lengths = np.diff(texts.offsets)
    entries = lengths + sum(_numbers(lengths, kind) for kind in config.linear_ngrams)
    offsets = np.concatenate([[0], np.cumsum(entries)])
    columns, values = np.empty(offsets[-1], np.int32), np.empty(offsets[-1], np.float32)
    # In blocks: hashing takes several times the memory of its result.
    for begin in range(0, len(texts), _TEXTS_AT_ONCE):
        part = texts.between(begin, min(begin + _TEXTS_AT_ONCE, len(texts)))
        row = slice(offsets[begin], offsets[min(begin + _TEXTS_AT_ONCE, len(texts))])
        _write_entries(columns[row], values[row], part, config)
    width = config.vocab_size + config.linear_buckets
    return CsrMatrix(values, columns, offsets, (len(texts), width)).summed()


def _scales(frequency: NDArray[np.number], texts: int) -> NDArray[np.float32]:
    """Return the scales of features by their document frequency among the texts, (features,)."""
    rarity = np.log((texts + 1) / (frequency + 1)) + 1
    return np.where(frequency >= _LEAST_TEXTS, rarity / _UNIT, 0.0).astype(np.float32)


def _numbers(lengths: NDArray[np.int64], ngram: Ngram) -> NDArray[np.int64]:
    """Return how many n-grams of a kind texts of these lengths have."""
    return np.maximum(lengths - NGRAMS[ngram].reach, 0)


def _write_entries(
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    texts: PackedTexts,
    config: LocalWaveConfig,
) -> None:
    """Write the entries of `_uncompiled_counts` text by text, one per occurrence."""
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
    """Write entries into the rows of their texts.

    Args:
        columns: The columns of all entries; written to.
        values: The values of all entries; written to.
        free: The index of each text's next entry.
        found: The columns to write, text by text.
        numbers: Number of entries of each text.
        scales: The value of each text's entries.

    Returns:
        `free` after these entries.
    """
    ends = np.cumsum(numbers)
    places = np.repeat(free - (ends - numbers), numbers)
    places += np.arange(len(found))
    columns[places] = found
    values[places] = np.repeat(scales.astype(np.float32), numbers)
    return free + numbers


def _buckets(texts: PackedTexts, ngram: Ngram, buckets: int) -> NDArray[np.int64]:
    """Return the buckets of all n-grams of a kind within texts, in order."""
    reach = NGRAMS[ngram].reach
    within = np.ones(len(texts.ids) + reach, bool)
    for place in range(reach):  # no n-gram of the text ends at its first tokens
        within[texts.offsets[:-1] + place] = False
    found = ngram_buckets(ngram, texts.ids.astype(np.int64), buckets)
    return found[within[reach : len(texts.ids)]]
