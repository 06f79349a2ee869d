"""Find the classes of labels, and say which labels are none of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from wave_network.config import Label
from wave_network.data.label_column import LabelColumn
from wave_network.data.plain_labels import label_finder
from wave_network.errors import listed, option_name
from wave_network.scale.arrays import take


def class_indices(labels: LabelColumn, classes: Sequence[Label]) -> NDArray[np.int64]:
    """Return the class index of each label, (labels,); -1 where it is not among the classes."""
    index_of = label_finder(classes)
    indices = np.fromiter(map(index_of, labels.values), np.int64, len(labels.values))
    return take(indices, labels.codes)


def unknown_labels(
    labels: LabelColumn,
    indices: NDArray[np.int64],
    classes: Sequence[Label],
    source: str | None,
) -> str:
    """Return the message for labels that are not among the classes.

    Args:
        labels: The labels of all texts.
        indices: The class index of each label, negative where it is not among the classes.
        classes: The classes.
        source: The file of the texts; None: they are from memory.
    """
    places = np.flatnonzero(indices < 0)
    unknown = [labels.values[code] for code in dict.fromkeys(labels.codes[places].tolist())]
    rows = f"{len(places)} row{'s' if len(places) > 1 else ''}"
    several, first = len(unknown) > 1, int(labels.rows()[places[0]])
    place = f"index {first}" if source is None else f"row {first + 1} of {source}"
    unseen = option_name("unseen")
    count = f", or count them as wrong with {unseen} count" if unseen != "unseen" else ""
    return (
        f"label{'s' if several else ''} {listed(unknown)} in {rows}"
        f" {'were' if several else 'was'} not in the training data, which has"
        f" {listed(classes)}: correct or remove these rows (the first: {place}){count}"
    )
