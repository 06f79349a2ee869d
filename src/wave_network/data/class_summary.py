"""Count the texts of each class, and those that are there with different labels."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.config import Label
from wave_network.data.targets import Targets, is_soft, most_probable
from wave_network.scale.arrays import blocks

MOST_LABELS: Final = 1_000
"""Labels that are counted one by one."""

_LONGEST_EXAMPLE: Final = 40


class ClassSummary(NamedTuple):
    """A class of the training data.

    Attributes:
        label: Its label.
        texts: How many texts have it.
        example: The start of the first of them; empty if there is none.
    """

    label: Label
    texts: int
    example: str


def class_summaries(
    classes: tuple[Label, ...],
    targets: Targets,
    text_at: Any,  # noqa: ANN401
) -> tuple[ClassSummary, ...]:
    """Count the texts of each class, and find an example of each.

    Args:
        classes: The classes, in the order of their indices.
        targets: The targets of all texts; of soft ones each text counts for its most probable
            class, of multi-label ones for every label.
        text_at: Gives the texts of some indices, (indices,).
    """
    multi_hot = is_soft(targets) and bool(np.isin(targets, (0, 1)).all())
    if multi_hot:
        counts, first = targets.sum(axis=0).astype(np.int64), targets.argmax(axis=0)
    else:
        labels = most_probable(targets)
        counts = np.bincount(labels, minlength=len(classes))
        first = _first_places(labels, len(classes))
    shown = np.flatnonzero(counts > 0)[:MOST_LABELS]
    examples = dict(zip(shown.tolist(), map(_start, text_at(first[shown])), strict=True))
    return tuple(
        ClassSummary(label, int(count), examples.get(place, ""))
        for place, (label, count) in enumerate(zip(classes, counts.tolist(), strict=True))
    )


def _first_places(labels: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Return where each class occurs first; 0 for one that does not, (classes,)."""
    first = np.zeros(classes, np.int64)
    found = np.zeros(classes, np.bool_)
    for block in blocks(len(labels)):
        present, places = np.unique(labels[block], return_index=True)
        new = ~found[present]
        first[present[new]] = places[new] + block.start
        found[present] = True
        if found.all():
            break
    return first


def count_conflicting(hashes: NDArray[np.int64], targets: Targets) -> int:
    """Count the texts that occur several times with different labels.

    Args:
        hashes: A hash of each text, 0 for those that do not count, (texts,).
        targets: Their targets.
    """
    ordered = np.sort(hashes)
    twice = np.unique(ordered[1:][(ordered[1:] == ordered[:-1]) & (ordered[1:] != 0)])
    if not len(twice):
        return 0  # the usual case, and quick
    places = np.minimum(np.searchsorted(twice, hashes), len(twice) - 1)
    repeated = np.flatnonzero(twice[places] == hashes)
    places = places[repeated]
    targets = targets[repeated]
    if is_soft(targets):
        targets = np.unique(targets, axis=0, return_inverse=True)[1].ravel()
    _, first = np.unique(places, return_index=True)
    differ = np.zeros(len(twice), np.bool_)
    differ[places[targets != targets[first[places]]]] = True
    return int(differ[places].sum())


def _start(text: str) -> str:
    text = " ".join(text[: 4 * _LONGEST_EXAMPLE].split())
    return text if len(text) <= _LONGEST_EXAMPLE else f"{text[: _LONGEST_EXAMPLE - 3]}..."
