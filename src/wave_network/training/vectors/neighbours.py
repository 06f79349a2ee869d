"""Count which words stand near each other.

A neighbour at distance `d` within a window of `w` words counts `w - d + 1`: what fastText's windows
of random width give on average, in whole numbers. So the counts depend on nothing but the texts.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network import _native
from wave_network._native import threads
from wave_network.numerics.sparse import CsrMatrix, horizontal
from wave_network.progress.stages import stage
from wave_network.scale.arrays import blocks

MOST_PAIRS: Final = 2**25
"""Pairs of words that are kept, 256 MB; of large texts the rarest pairs are left out."""

_WORDS_AT_ONCE: Final = 2**24
_WORDS_AT_ONCE_PLAIN: Final = 2**18  # bounds the memory without compiled code


def count_neighbours(ids: NDArray[np.int32], vocabulary: int, window: int) -> CsrMatrix:
    """Count the neighbours of each word.

    Args:
        ids: The words of the texts one after the other; -1 ends a text, and no window reaches
            beyond it. May be mapped from a file.
        vocabulary: The number of words.
        window: How many words to each side are neighbours.

    Returns:
        Symmetric, (vocabulary, vocabulary), no column twice in a row.
    """
    compiled = _native.compiled is not None
    total: CsrMatrix | None = None
    least = 0
    with stage("counting neighbours", len(ids), "words") as running:
        for block in blocks(len(ids), _WORDS_AT_ONCE if compiled else _WORDS_AT_ONCE_PLAIN):
            part = (_compiled if compiled else _plain)(ids[block], vocabulary, window)
            total = part if total is None else _sum(total, part)
            while total.nnz > MOST_PAIRS:
                least += 1
                total = _without_rare(total, least)
            running.advance(block.stop - block.start)
    return total if total is not None else _plain(ids, vocabulary, window)


def _compiled(ids: NDArray[np.int32], vocabulary: int, window: int) -> CsrMatrix:
    indptr = np.zeros(vocabulary + 1, np.int64)
    columns, values = _native.compiled.neighbour_counts(
        np.ascontiguousarray(ids), window, indptr[1:], threads.current()
    )
    return CsrMatrix(
        np.frombuffer(values, np.float32),
        np.frombuffer(columns, np.int32),
        indptr,
        (vocabulary, vocabulary),
    )


def _plain(ids: NDArray[np.int32], vocabulary: int, window: int) -> CsrMatrix:
    """Count without compiled code."""
    words = ids >= 0
    texts = np.cumsum(~words)
    firsts, seconds, weights = [], [], []
    for distance in range(1, window + 1):
        near = words[distance:] & words[:-distance] & (texts[distance:] == texts[:-distance])
        firsts.append(ids[:-distance][near])
        seconds.append(ids[distance:][near])
        weights.append(np.full(len(firsts[-1]), window - distance + 1, np.float32))
    rows = np.concatenate([*firsts, *seconds])
    columns = np.concatenate([*seconds, *firsts])
    shape = (vocabulary, vocabulary)
    return CsrMatrix.of_entries(rows, columns, np.concatenate([*weights, *weights]), shape)


def _sum(first: CsrMatrix, second: CsrMatrix) -> CsrMatrix:
    width = first.shape[1]
    both = horizontal([first, second])
    return CsrMatrix(both.data, both.indices % width, both.indptr, first.shape).summed()


def _without_rare(counts: CsrMatrix, least: int) -> CsrMatrix:
    return counts.with_data(np.where(counts.data > least, counts.data, 0)).without_zeros()
