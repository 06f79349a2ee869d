"""Sparse matrices in compressed rows.

Products do not depend on the number of threads: no sum is split among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wave_network import _native
from wave_network._native import threads

Floats = NDArray[np.float32]

_NUMBERS_AT_ONCE: Final = 2**22  # bounds the memory without the native module


@dataclass(frozen=True)
class CsrMatrix:
    """A sparse matrix in compressed rows. It may store zeros, and an entry in several parts.

    Attributes:
        data: The entries row by row, float32, (entries,).
        indices: The column of each entry, int32, (entries,).
        indptr: Where each row starts, and the end of the last, int64, (rows + 1,).
        shape: Number of rows and of columns.
    """

    data: Floats
    indices: NDArray[np.int32]
    indptr: NDArray[np.int64]
    shape: tuple[int, int]

    @classmethod
    def of_parts(
        cls,
        data: NDArray[Any],
        indices: NDArray[np.integer],
        indptr: NDArray[np.integer],
        columns: int,
    ) -> CsrMatrix:
        """Make a matrix of arrays of any numeric types; those of the right type are not copied."""
        return cls(
            np.ascontiguousarray(data, np.float32),
            np.ascontiguousarray(indices, np.int32),
            np.ascontiguousarray(indptr, np.int64),
            (len(indptr) - 1, columns),
        )

    @classmethod
    def of_entries(
        cls,
        rows: NDArray[np.integer],
        columns: NDArray[np.integer],
        values: NDArray[Any],
        shape: tuple[int, int],
    ) -> CsrMatrix:
        """Make a matrix of entries in any order; those of one place are summed.

        The columns of a row ascend.

        Args:
            rows: The row of each entry, (entries,).
            columns: The column of each entry, (entries,).
            values: (entries,).
            shape: Number of rows and of columns.
        """
        keys = rows.astype(np.int64) * shape[1] + columns
        if not (np.diff(keys) > 0).all():
            order = np.argsort(keys, kind="stable")
            keys, values = keys[order], values[order]
            first = np.flatnonzero(np.diff(keys, prepend=-1))
            keys = keys[first]
            values = np.add.reduceat(values, first) if len(first) else values
        of_rows, of_columns = np.divmod(keys, max(shape[1], 1))
        return cls.of_parts(values, of_columns, _starts(of_rows, shape[0]), shape[1])

    @classmethod
    def of_dense(cls, dense: NDArray[Any]) -> CsrMatrix:
        """Make a matrix of a dense one, with all its entries other than 0."""
        rows, columns = np.nonzero(dense)
        return cls.of_parts(
            dense[rows, columns], columns, _starts(rows, len(dense)), dense.shape[1]
        )

    @property
    def nnz(self) -> int:
        """Number of stored entries."""
        return len(self.data)

    @property
    def rows(self) -> NDArray[np.int64]:
        """The row of each entry, (entries,)."""
        return np.repeat(np.arange(self.shape[0]), np.diff(self.indptr))

    def with_data(self, data: NDArray[np.floating]) -> CsrMatrix:
        """Return the matrix with other values at the same places, (entries,)."""
        return CsrMatrix(data.astype(np.float32, copy=False), self.indices, self.indptr, self.shape)

    def scaled_columns(self, scales: NDArray[Any]) -> CsrMatrix:
        """Multiply each column by its scale, (columns,)."""
        return self.with_data(self.data * scales[self.indices])

    def scaled_rows(self, scales: NDArray[Any]) -> CsrMatrix:
        """Multiply each row by its scale, (rows,)."""
        return self.with_data(self.data * np.repeat(scales, np.diff(self.indptr)))

    def with_unit_rows(self, least: float = 1e-6) -> CsrMatrix:
        """Scale each row to a Euclidean length of 1, unless it is shorter than `least`."""
        return self.scaled_rows(1 / np.maximum(np.sqrt(self.row_squares()), least))

    def row_squares(self) -> NDArray[np.float64]:
        """Return the sum of the squares of each row, (rows,)."""
        return _row_sums(np.square(self.data, dtype=np.float64), self.indptr)

    def column_counts(self) -> NDArray[np.int64]:
        """Count the stored entries of each column, (columns,)."""
        return np.bincount(self.indices, minlength=self.shape[1])

    def select_rows(self, rows: NDArray[np.integer]) -> CsrMatrix:
        """Select rows by index, in the order of the indices."""
        starts = self.indptr[rows]
        lengths = self.indptr[rows + 1] - starts
        ends = np.cumsum(lengths)
        indptr = np.concatenate([[0], ends])
        entries = np.arange(indptr[-1]) + np.repeat(starts - (ends - lengths), lengths)
        return CsrMatrix(
            self.data[entries], self.indices[entries], indptr, (len(rows), self.shape[1])
        )

    def row_range(self, start: int, stop: int) -> CsrMatrix:
        """Return the rows from `start` up to `stop`, without copying their entries."""
        bounds = self.indptr[start : stop + 1]
        entries = slice(int(bounds[0]), int(bounds[-1]))
        return CsrMatrix(
            self.data[entries],
            self.indices[entries],
            bounds - bounds[0],
            (len(bounds) - 1, self.shape[1]),
        )

    def select_columns(self, kept: NDArray[np.bool_]) -> CsrMatrix:
        """Select columns, in order; `kept` is (columns,)."""
        renumbered = (np.cumsum(kept) - 1).astype(np.int32)
        entries = kept[self.indices]
        ends = np.concatenate([[0], np.cumsum(entries)])
        return CsrMatrix(
            self.data[entries],
            renumbered[self.indices[entries]],
            ends[self.indptr],
            (self.shape[0], int(kept.sum())),
        )

    def column_range(self, start: int, stop: int) -> CsrMatrix:
        """Return the columns from `start` up to `stop`."""
        kept = np.zeros(self.shape[1], np.bool_)
        kept[start:stop] = True
        return self.select_columns(kept)

    def without_zeros(self) -> CsrMatrix:
        """Drop stored zeros."""
        kept = self.data != 0
        ends = np.concatenate([[0], np.cumsum(kept)])
        return CsrMatrix(self.data[kept], self.indices[kept], ends[self.indptr], self.shape)

    def summed(self) -> CsrMatrix:
        """Sum the parts of each entry; the columns of a row may be in any order."""
        if _native.compiled is None:
            return CsrMatrix.of_entries(self.rows, self.indices, self.data, self.shape)
        width = self.shape[1]
        diagonal = np.ones(width, np.float32), np.arange(width, dtype=np.int32)
        return self.times(CsrMatrix(*diagonal, np.arange(width + 1), (width, width)))

    def transposed(self) -> CsrMatrix:
        """Return the matrix with rows and columns exchanged; entries of a row keep their order."""
        shape = (self.shape[1], self.shape[0])
        if _native.compiled is None:
            order = np.argsort(self.indices, kind="stable")
            starts = np.concatenate([[0], np.cumsum(self.column_counts())])
            rows = self.rows[order].astype(np.int32)
            return CsrMatrix(self.data[order], rows, starts, shape)
        starts = np.empty(shape[0] + 1, np.int64)
        rows, data = np.empty_like(self.indices), np.empty_like(self.data)
        _native.compiled.transpose_rows(self.indptr, self.indices, self.data, starts, rows, data)
        return CsrMatrix(data, rows, starts, shape)

    def __matmul__(self, dense: NDArray[np.floating]) -> Floats:
        """Multiply by a dense matrix, (columns, n); returns float32, (rows, n)."""
        dense = np.ascontiguousarray(dense, np.float32)
        result = np.zeros((self.shape[0], dense.shape[1]), np.float32)
        if _native.compiled is not None:
            _native.compiled.sparse_times_dense(
                self.indptr, self.indices, self.data, dense, result, threads.current()
            )
            return result
        for start, stop in self._blocks(np.full(self.nnz, dense.shape[1])):
            part = self.row_range(start, stop)
            filled = np.flatnonzero(np.diff(part.indptr))
            if len(filled):
                terms = dense[part.indices] * part.data[:, None]
                result[start + filled] = np.add.reduceat(terms, part.indptr[filled])
        return result

    def times(self, other: CsrMatrix) -> CsrMatrix:
        """Multiply by a sparse matrix, (columns, n); returns (rows, n), no column twice in a row.

        The columns of a row may be in any order.
        """
        shape = (self.shape[0], other.shape[1])
        if _native.compiled is None:
            return vertical([part.summed() for part in self._expanded(other)], shape[1])
        factors = (*_parts(self), *_parts(other), shape[1])
        ends = np.zeros(shape[0] + 1, np.int64)
        indices, data = np.empty(0, np.int32), np.empty(0, np.float32)
        count = _native.compiled.sparse_times_sparse(*factors, ends[1:], indices, data)
        indices, data = np.empty(count, np.int32), np.empty(count, np.float32)
        _native.compiled.sparse_times_sparse(*factors, ends[1:], indices, data)
        return CsrMatrix(data, indices, ends, shape)

    def _expanded(self, other: CsrMatrix) -> Iterator[CsrMatrix]:
        """Yield the products with another matrix in blocks of rows, each term an entry."""
        lengths = np.diff(other.indptr)
        for start, stop in self._blocks(lengths[self.indices]):
            part = self.row_range(start, stop)
            found = other.select_rows(part.indices)
            ends = np.concatenate([[0], np.cumsum(lengths[part.indices])])
            yield CsrMatrix(
                found.data * np.repeat(part.data, lengths[part.indices]),
                found.indices,
                ends[part.indptr],
                (stop - start, other.shape[1]),
            )

    def _blocks(self, costs: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
        """Yield ranges of rows whose entries cost at most `_NUMBERS_AT_ONCE`, or single rows."""
        ends = np.concatenate([[0], np.cumsum(costs)])[self.indptr]
        start = 0
        while start < self.shape[0]:
            limit = ends[start] + _NUMBERS_AT_ONCE
            stop = max(int(np.searchsorted(ends, limit, side="right")) - 1, start + 1)
            yield start, stop
            start = stop


def horizontal(matrices: Sequence[CsrMatrix]) -> CsrMatrix:
    """Join the columns of matrices with the same number of rows."""
    lengths = np.stack([np.diff(matrix.indptr) for matrix in matrices])
    indptr = np.concatenate([[0], np.cumsum(lengths.sum(axis=0))])
    data, indices = np.empty(indptr[-1], np.float32), np.empty(indptr[-1], np.int32)
    free, first = indptr[:-1].copy(), 0
    for matrix, counts in zip(matrices, lengths, strict=True):
        places = np.repeat(free - matrix.indptr[:-1], counts)
        places += np.arange(matrix.nnz)
        data[places], indices[places] = matrix.data, matrix.indices + first
        free += counts
        first += matrix.shape[1]
    return CsrMatrix(data, indices, indptr, (len(indptr) - 1, first))


def vertical(matrices: Sequence[CsrMatrix], columns: int) -> CsrMatrix:
    """Put the rows of matrices with so many columns below each other."""
    lengths = np.concatenate([np.zeros(1, np.int64), *(np.diff(m.indptr) for m in matrices)])
    return CsrMatrix(
        np.concatenate([np.empty(0, np.float32), *(matrix.data for matrix in matrices)]),
        np.concatenate([np.empty(0, np.int32), *(matrix.indices for matrix in matrices)]),
        np.cumsum(lengths),
        (len(lengths) - 1, columns),
    )


def _starts(rows: NDArray[np.integer], count: int) -> NDArray[np.int64]:
    """Return where each of so many rows starts among ascending row numbers."""
    counts = np.bincount(rows, minlength=count)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _row_sums(values: NDArray[np.float64], indptr: NDArray[np.int64]) -> NDArray[np.float64]:
    sums = np.zeros(len(indptr) - 1)
    filled = np.flatnonzero(np.diff(indptr))
    if len(filled):
        sums[filled] = np.add.reduceat(values, indptr[filled])
    return sums


def _parts(matrix: CsrMatrix) -> tuple[NDArray[np.int64], NDArray[np.int32], Floats]:
    return matrix.indptr, matrix.indices, matrix.data
