"""Find the classes of labels, and say which labels are none of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from wave_network.config import Label
from wave_network.data.plain_labels import label_finder
from wave_network.errors import listed, option_name


def class_indices(labels: list[Label], classes: Sequence[Label]) -> NDArray[np.int64]:
    """Return the class index of each label; -1 for one that is not among the classes."""
    index_of = label_finder(classes)
    positions = {label: index_of(label) for label in set(labels)}
    indices = map(positions.__getitem__, labels)
    return np.fromiter(indices, dtype=np.int64, count=len(labels))


def unknown_labels(
    labels: list[Label],
    indices: NDArray[np.int64],
    classes: Sequence[Label],
    first: int,
    source: str | None,
) -> str:
    """Return the message for labels that are not among the classes.

    Args:
        labels: All labels.
        indices: Their class indices, negative for those that are not among the classes.
        classes: The classes.
        first: The index of the first text with such a label.
        source: The file of the texts; None: they are from memory.
    """
    pairs = zip(labels, indices.tolist(), strict=True)
    unknown = Counter(label for label, index in pairs if index < 0)
    rows = f"{unknown.total()} row{'s' if unknown.total() > 1 else ''}"
    several = len(unknown) > 1
    place = f"index {first}" if source is None else f"row {first + 1} of {source}"
    unseen = option_name("unseen")
    count = f", or count them as wrong with {unseen} count" if unseen != "unseen" else ""
    return (
        f"label{'s' if several else ''} {listed(list(unknown))} in {rows}"
        f" {'were' if several else 'was'} not in the training data, which has"
        f" {listed(classes)}: correct or remove these rows (the first: {place}){count}"
    )
