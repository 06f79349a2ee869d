"""The sparse linear part: the largest weights of tokens and n-grams for many labels, in NumPy.

A dense linear part has a weight for each label in each row; with thousands of labels few of these
matter. This one is a matrix in compressed rows: row i has the weights from `starts[i]` up to
`starts[i + 1]`, each with its label. The rows of the tokens come first, then those of the buckets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.config import LocalWaveConfig
from wave_network.config.local_wave import Ngram
from wave_network.errors import ModelFolderError
from wave_network.models.local_wave.ngrams import NGRAMS, ngram_buckets
from wave_network.models.numpy_ops import Floats, Integers
from wave_network.models.tensor_spec import Tensors


class Occurrences(NamedTuple):
    """The tokens, or the n-grams of a kind, of packed texts.

    Attributes:
        rows: Their rows in the matrix, (occurrences,).
        last: The place of each one's last token, (occurrences,).
        texts: The text of each, (occurrences,).
        scales: What each one's weights are multiplied by, float64, (occurrences,).
    """

    rows: NDArray[np.int64]
    last: NDArray[np.int64]
    texts: NDArray[np.int64]
    scales: NDArray[np.float64]


class SparseLinear:
    """The sparse linear part of a `NumpyLocalWaveNetwork`.

    Args:
        config: The model's configuration, with a sparse linear part.
        tensors: The model's tensors.

    Raises:
        ModelFolderError: If the tensors are no matrix in compressed rows.
    """

    def __init__(self, config: LocalWaveConfig, tensors: Tensors) -> None:
        self._config, self._buckets = config, config.linear_buckets
        self._starts = tensors["linear.starts"].astype(np.int64)
        self._labels, self._bias = tensors["linear.labels"], tensors["linear.bias"]
        self._values = tensors["linear.values.weight"][:, 0]
        check_rows(self._starts, self._labels, config.num_labels)

    def logits(self, ids: Integers, offsets: Integers) -> Floats:
        """Compute the logits of packed texts, (texts, labels)."""
        count, labels = len(offsets) - 1, self._config.num_labels
        places, weights = [], []
        for _, found in self.occurrences(ids, offsets):
            which, entries = self._entries(found.rows)
            places.append(found.texts[which] * labels + self._labels[entries])
            weights.append(found.scales[which] * self._values[entries])
        # In 64 bits: single terms may be large and cancel each other.
        sums = np.bincount(np.concatenate(places), np.concatenate(weights), count * labels)
        logits: Floats = sums.reshape(count, labels).astype(np.float32)
        logits += self._bias
        return logits

    def products(self, found: Occurrences, vectors: Floats) -> Floats:
        """Multiply the row of each occurrence by its text's vector.

        Args:
            found: Tokens or n-grams.
            vectors: (texts, labels).

        Returns:
            The inner products, without the scales, (occurrences,).
        """
        which, entries = self._entries(found.rows)
        terms = self._values[entries] * vectors[found.texts[which], self._labels[entries]]
        return np.bincount(which, terms, len(found.rows)).astype(np.float32)

    def occurrences(
        self, ids: Integers, offsets: Integers
    ) -> Iterator[tuple[Ngram | None, Occurrences]]:
        """Yield the tokens of packed texts (None), and their n-grams by kind."""
        starts, lengths = offsets[:-1], np.diff(offsets)
        wide, texts = ids.astype(np.int64), np.repeat(np.arange(len(lengths)), lengths)
        places, first = np.arange(len(ids)), np.repeat(starts, lengths)
        yield None, Occurrences(wide, places, texts, (1 / np.sqrt(lengths))[texts])
        scales = 1 / np.sqrt(np.maximum(lengths - 1, 1))
        for kind in self._config.linear_ngrams:
            reach = NGRAMS[kind].reach
            last = np.flatnonzero(places - first >= reach)
            rows = self._config.vocab_size + ngram_buckets(kind, wide, self._buckets)[last - reach]
            yield kind, Occurrences(rows, last, texts[last], scales[texts[last]])

    def _entries(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the index of each weight of some rows, and before it which of the rows has it."""
        begins = self._starts[rows]
        counts = self._starts[rows + 1] - begins
        which = np.repeat(np.arange(len(rows)), counts)
        entries = np.arange(len(which)) + (begins - np.cumsum(counts) + counts)[which]
        return which, entries


def check_rows(starts: Integers, labels: Integers, num_labels: int) -> None:
    """Refuse what is no matrix in compressed rows: its weights would be read from anywhere.

    Raises:
        ModelFolderError: If a row ends before it starts or beyond the last weight, or a label does
            not exist.
    """
    rising = starts[0] == 0 and starts[-1] <= len(labels) and (np.diff(starts) >= 0).all()
    if not rising or labels.min() < 0 or labels.max() >= num_labels:
        raise ModelFolderError("the model is damaged: rows of its sparse linear part do not exist")
