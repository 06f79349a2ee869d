"""Select texts that differ from each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.numerics.sparse import CsrMatrix

Floats = NDArray[np.float32]

_NEAR: Final = 0.8  # cosine of the words from which texts are near-duplicates
_TEXTS_COMPARED: Final = 4_000  # bounds the memory


def most_worthwhile(
    worth: Floats, groups: NDArray[np.int64], words: CsrMatrix, count: int
) -> Iterator[int]:
    """Yield the texts that are worth most, less if they are like those before them.

    Args:
        worth: What each text is worth, not negative, (texts,).
        groups: The group of each text, (texts,): the more of one group, the less another is worth.
        words: Unit rows, (texts, words): the more words a text shares with one before, the less it
            is worth. Near-duplicates are left out.
        count: The most texts to yield.
    """
    closest = np.zeros(len(worth), np.float32)
    chosen = np.zeros(groups.max() + 1, np.int64)  # of each group
    free = np.ones(len(worth), np.bool_)
    for _ in range(count):
        if not free.any():
            return
        new = worth * (1 - closest) / np.sqrt(1 + chosen)[groups]
        place = int(np.argmax(np.where(free, new, -1)))
        yield place
        chosen[groups[place]] += 1
        closest = np.maximum(closest, _similarities(words, place))
        free &= closest < _NEAR
        free[place] = False


def representative(
    words: CsrMatrix, topics: Floats, count: int, seed: int
) -> Iterator[tuple[int, float]]:
    """Yield texts such that every other one is like one of them.

    Greedy facility location (Nemhauser et al., 1978): each choice adds most to the sum, over all
    texts, of the similarity to the most similar one that is chosen. Of many texts, a random sample
    of 4,000 is compared.

    Args:
        words: Unit rows, to leave out near-duplicates, (texts, words).
        topics: What texts are about, unit rows, (texts, dimensions).
        count: The most texts to yield.
        seed: Seed of the sample.

    Yields:
        Each text, and the share of texts that are more like it than like any other one.
    """
    compared = np.random.default_rng(seed).permutation(len(topics))[:_TEXTS_COMPARED]
    similar = np.maximum(topics[compared] @ topics[compared].T, 0)
    best = np.zeros(len(compared), np.float32)
    free = np.ones(len(compared), np.bool_)
    chosen: list[int] = []
    while len(chosen) < count and free.any():
        gain = np.maximum(similar - best, 0).sum(axis=1)
        number = int(np.argmax(np.where(free, gain, -1)))
        chosen.append(number)
        best = np.maximum(best, similar[number])
        free &= _similarities(words, compared[number])[compared] < _NEAR
        free[number] = False
    nearest = np.bincount(similar[chosen].argmax(axis=0), minlength=len(chosen))
    yield from zip(compared[chosen].tolist(), (nearest / len(compared)).tolist(), strict=True)


def _similarities(words: CsrMatrix, place: int) -> Floats:
    """Return the inner product of each row with one of them, (rows,)."""
    row = words.row_range(place, place + 1)
    other = np.zeros((words.shape[1], 1), np.float32)
    other[row.indices, 0] = row.data
    return (words @ other)[:, 0]
