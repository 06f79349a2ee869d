"""Choose the best labels of each line, in fastText's order, also where scores are equal.

fastText keeps the best labels in a heap of the C++ library. Among equal scores, which are common
for one-vs-all, the heap decides what stays and in which order; this is its algorithm.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network import _native
from wave_network._native import threads
from wave_network.models.fasttext.tree import LabelTree
from wave_network.models.numpy_ops import Floats

_Scored = tuple[float, int]
EVERY: Final = -1
"""The number of labels that stands for all."""


def best_labels(
    scores: Floats, allowed: NDArray[np.bool_], count: int, tree: LabelTree | None = None
) -> Iterator[list[int]]:
    """Yield the labels of each line with the highest scores, the best first.

    Args:
        scores: (lines, labels); with a tree, those of all its nodes, (lines, 2 * labels - 1).
        allowed: Which may be chosen, in the same shape.
        count: How many of a line, at most.
        tree: The tree that orders the labels, if there is one.
    """
    labels = scores.shape[1] if tree is None else tree.labels
    count = min(count, labels)
    eligible = np.where(allowed[:, :labels], scores[:, :labels], np.float32(-np.inf))
    if tree is None and _native.compiled is not None:
        yield from _compiled(eligible, count)
        return
    more = min(count + 1, labels)
    best = np.argpartition(eligible, labels - more, axis=1)[:, labels - more :]
    order = np.argsort(-np.take_along_axis(eligible, best, axis=1), axis=1)
    best = np.take_along_axis(best, order, axis=1)
    ordered = np.take_along_axis(eligible, best, axis=1)
    tied = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)
    for line, places in enumerate(best[:, :count].tolist()):
        if tied[line]:
            yield _by_heap(scores[line], allowed[line], count, tree)
        else:
            yield [place for place in places if allowed[line, place]]


def _compiled(scores: Floats, count: int) -> Iterator[list[int]]:
    places = np.empty((len(scores), count + 1), np.int32)
    _native.compiled.best_labels(np.ascontiguousarray(scores), places, threads.current())
    lines = places[:, :count].tolist()
    if (places[:, count - 1] >= 0).all():  # as a rule
        yield from lines
    else:
        yield from ([place for place in line if place >= 0] for line in lines)


def _by_heap(
    scores: Floats, allowed: NDArray[np.bool_], count: int, tree: LabelTree | None
) -> list[int]:
    heap: list[_Scored] = []
    values, usable = scores.tolist(), allowed.tolist()
    left = list(range(len(values)))[::-1] if tree is None else [len(values) - 1]
    while left:
        node = left.pop()
        if not usable[node] or (len(heap) == count and values[node] < heap[0][0]):
            continue
        if tree is not None and node >= tree.labels:
            first, second = tree.children[node - tree.labels].tolist()
            left += [second, first]
            continue
        heap.append((values[node], node))
        _rise(heap, len(heap) - 1, heap[-1])
        if len(heap) > count:
            _lower(heap, len(heap))
            heap.pop()
    for length in range(len(heap), 1, -1):
        _lower(heap, length)
    return [place for _, place in heap]


def _lower(heap: list[_Scored], length: int) -> None:
    """Move the lowest of the first entries to their end; the others stay a heap."""
    last = length - 1
    if last < 1:
        return
    value, heap[last] = heap[last], heap[0]
    hole = 0
    while hole < (last - 1) // 2:
        child = 2 * (hole + 1)
        if heap[child][0] > heap[child - 1][0]:
            child -= 1
        heap[hole] = heap[child]
        hole = child
    if last % 2 == 0 and hole == (last - 2) // 2:
        heap[hole] = heap[2 * hole + 1]
        hole = 2 * hole + 1
    _rise(heap, hole, value)


def _rise(heap: list[_Scored], hole: int, value: _Scored) -> None:
    """Put an entry where it belongs between a hole and the top."""
    while hole > 0 and heap[(hole - 1) // 2][0] > value[0]:
        heap[hole] = heap[(hole - 1) // 2]
        hole = (hole - 1) // 2
    heap[hole] = value
