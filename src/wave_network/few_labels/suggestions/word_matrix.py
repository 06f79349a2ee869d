"""Which words texts have, as a sparse matrix in NumPy: suggesting needs no SciPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.text.tokenizer import TextTokenizer

Floats = NDArray[np.float32]

_VOCABULARY: Final = 20_000
_TOKENS_READ: Final = 256  # of a text
_LEAST_TEXTS: Final = 2  # rarer tokens connect no texts
_NUMBERS_AT_ONCE: Final = 2**22


@dataclass(frozen=True)
class SparseMatrix:
    """A sparse matrix, its entries in the order of the rows.

    Attributes:
        rows: The row of each entry, int64, never falling, (entries,).
        columns: The column of each entry, int64, (entries,).
        values: The entries, float32, (entries,).
        shape: Number of rows and of columns.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: Floats
    shape: tuple[int, int]

    @cached_property
    def transposed(self) -> SparseMatrix:
        """The matrix with rows and columns exchanged."""
        order = np.argsort(self.columns, kind="stable")
        shape = (self.shape[1], self.shape[0])
        return SparseMatrix(self.columns[order], self.rows[order], self.values[order], shape)

    def times(self, dense: Floats) -> Floats:
        """Multiply by a dense matrix, (columns, n); returns float32, (rows, n)."""
        result = np.zeros((self.shape[0], dense.shape[1]), np.float32)
        at_once = max(1, _NUMBERS_AT_ONCE // dense.shape[1])
        for start in range(0, len(self.rows), at_once):
            part = slice(start, start + at_once)
            rows = self.rows[part]
            terms = dense[self.columns[part]] * self.values[part, None]
            firsts = np.flatnonzero(np.diff(rows, prepend=-1))
            result[rows[firsts]] += np.add.reduceat(terms, firsts)
        return result

    def similarities(self, row: int) -> Floats:
        """Return the inner product of each row with one of them, (rows,)."""
        start, stop = np.searchsorted(self.rows, [row, row + 1])
        other = np.zeros((self.shape[1], 1), np.float32)
        other[self.columns[start:stop], 0] = self.values[start:stop]
        return self.times(other)[:, 0]

    def column_counts(self) -> NDArray[np.int64]:
        """Count the entries of each column, (columns,)."""
        return np.bincount(self.columns, minlength=self.shape[1])

    def select(self, kept: NDArray[np.bool_], values: NDArray[np.floating]) -> SparseMatrix:
        """Return some of the entries with other values; both arguments are (entries,)."""
        return replace(
            self,
            rows=self.rows[kept],
            columns=self.columns[kept],
            values=values[kept].astype(np.float32),
        )


def count_words(texts: Sequence[str]) -> SparseMatrix:
    """Count the tokens of texts, with a vocabulary that is learnt from them.

    Tokens of a single text are left out.

    Args:
        texts: At least one; of each, the beginning is read.

    Returns:
        The counts, (texts, tokens).
    """
    tokenizer = TextTokenizer.train(texts, _VOCABULARY, _TOKENS_READ)
    ids, offsets = tokenizer.encode(texts)
    width = tokenizer.vocab_size
    owners = np.repeat(np.arange(len(texts)), np.diff(offsets))
    entries, counts = np.unique(owners * width + ids, return_counts=True)
    rows, columns = np.divmod(entries, width)
    matrix = SparseMatrix(rows, columns, counts.astype(np.float32), (len(texts), width))
    return matrix.select(matrix.column_counts()[columns] >= _LEAST_TEXTS, matrix.values)


def tf_idf(counts: SparseMatrix) -> SparseMatrix:
    """Return logarithmic counts times inverse document frequencies, with rows of unit length.

    Words of all texts are left out, and so is a row without any other word.

    Args:
        counts: As `count_words` returns them.
    """
    texts = counts.shape[0]
    rarity = np.log(texts / counts.column_counts().clip(min=1))
    values = (1 + np.log(counts.values)) * rarity[counts.columns]
    lengths = np.sqrt(np.bincount(counts.rows, values**2, minlength=texts))
    return counts.select(values > 0, values / lengths.clip(min=1e-9)[counts.rows])
