"""Hold out the same share of each class, in memory that does not grow with the texts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from wave_network.scale.arrays import blocks, permutation


def stratified_holdout(
    labels: NDArray[np.int64], fraction: float, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Hold out a share of the texts of each class, but leave at least one.

    If that is less than a text for most classes, hold out the same share of all texts.

    Args:
        labels: The class of each text, (texts,).
        fraction: Share of the texts to hold out.
        generator: Orders the texts.

    Returns:
        Which texts are held out, (texts,); none if they are too few.
    """
    counts = np.bincount(labels)
    quotas = np.minimum(np.round(fraction * counts), counts - 1)
    order = permutation(len(labels), generator)
    held_out: NDArray[np.bool_] = np.zeros(len(labels), np.bool_)
    if 2 * (quotas > 0).sum() >= (counts > 1).sum():
        for texts, places in _in_class(order, labels, len(counts)):
            held_out[texts] = places < quotas[labels[texts]]
        return held_out
    # All texts but the first of each class are numbered, and even steps take a share of them.
    free = np.maximum(counts - 1, 0)
    firsts = np.cumsum(free) - free
    share, offset = min(round(fraction * len(labels)) / free.sum(), 1), generator.random()
    for texts, places in _in_class(order, labels, len(counts)):
        numbers = firsts[labels[texts]] + places - 1
        before, after = numbers * share + offset, (numbers + 1) * share + offset
        held_out[texts] = (places > 0) & (np.floor(after) > np.floor(before))
    return held_out


def _in_class(
    order: NDArray[np.int64], labels: NDArray[np.int64], classes: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the texts block by block, with the place of each among those of its class.

    Args:
        order: The order of the texts, (texts,).
        labels: The class of each text, (texts,).
        classes: Number of classes.
    """
    seen = np.zeros(classes, np.int64)
    for block in blocks(len(order)):
        texts = order[block]
        texts = texts[np.argsort(labels[texts], kind="stable")]
        counts = np.bincount(labels[texts], minlength=classes)
        starts = np.cumsum(counts) - counts
        yield texts, np.arange(len(texts)) - np.repeat(starts - seen, counts)
        seen += counts
