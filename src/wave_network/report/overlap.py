"""Find test texts that are in the training data too, and the accuracy on them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.config import Label
from wave_network.data import Table, column
from wave_network.data.plain_labels import is_label_list, label_key
from wave_network.progress.stages import stage, tracked
from wave_network.report.duplicates import Duplicate, find_duplicates
from wave_network.report.mistakes import EXAMPLES, shortened


class Pair(NamedTuple):
    """A test text and its duplicate in the training data, with the labels of both, sorted."""

    duplicate: Duplicate
    text: str
    labels: tuple[str, ...]
    training_text: str
    training_labels: tuple[str, ...]


@dataclass(frozen=True)
class Overlap:
    """Test texts that are in the training data too.

    Attributes:
        training_texts: Number of training texts compared.
        exact: Number of exact duplicates, apart from case, spaces and punctuation.
        near: Number of texts with a near-duplicate only.
        differing: Number of texts of both kinds whose duplicate has a different label.
        accuracy: Accuracy on the texts with a duplicate; None if there are none.
        accuracy_without: Accuracy on all others; None if there are none.
        pairs: Examples: differing labels first, then the most similar.
    """

    training_texts: int
    exact: int
    near: int
    differing: int
    accuracy: float | None
    accuracy_without: float | None
    pairs: list[Pair]


def find_overlap(rows: Table, training: Table, correct: NDArray[np.bool_]) -> Overlap:
    """Find the texts that are in the training data too.

    Args:
        rows: Columns `text` and `label`.
        training: Columns `text` and `label`.
        correct: Which of the rows are predicted correctly.
    """
    with stage("finding duplicates"):
        found = find_duplicates(
            tracked(column(rows, "text"), "hashing the test texts", len(rows)),
            tracked(column(training, "text"), "comparing the training texts", len(training)),
        )
    pairs = []
    for one in found:
        row, other = rows[one.test], training[one.training]
        pair = Pair(
            duplicate=one,
            text=shortened(row["text"]),
            labels=label_names(row["label"]),
            training_text=shortened(other["text"]),
            training_labels=label_names(other["label"]),
        )
        pairs.append(pair)
    differing = sum(pair.labels != pair.training_labels for pair in pairs)
    pairs.sort(key=lambda pair: (pair.labels == pair.training_labels, -pair.duplicate.similarity))
    shared = np.zeros(len(rows), np.bool_)
    shared[[one.test for one in found]] = True
    return Overlap(
        training_texts=len(training),
        exact=sum(one.exact for one in found),
        near=sum(not one.exact for one in found),
        differing=differing,
        accuracy=float(correct[shared].mean()) if shared.any() else None,
        accuracy_without=float(correct[~shared].mean()) if not shared.all() else None,
        pairs=pairs[:EXAMPLES],
    )


def label_names(value: object) -> tuple[str, ...]:
    """Return the label or labels of a text as strings to compare, sorted."""
    labels: Iterable[Label] = value if is_label_list(value) else [value]  # type: ignore[assignment, list-item]
    return tuple(sorted(map(label_key, labels)))
