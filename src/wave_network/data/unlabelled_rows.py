"""Rows without a label among labelled ones, in scikit-learn's convention."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from wave_network.data.values import check_one_column, list_of

UNLABELLED: Final = -1
"""The label of unlabelled rows, if labels are integers; others have None."""

_LEAST_CLASSES: Final = 2


class SplitRows(NamedTuple):
    """Labelled rows, and the texts of the others.

    Attributes:
        texts: The labelled texts.
        labels: Their labels.
        weights: Their sample weights, or None.
        unlabelled: The texts without labels.
        marked: How many of these have the label -1.
    """

    texts: Iterable[str]
    labels: Any
    weights: ArrayLike | None
    unlabelled: list[str]
    marked: int


def split_rows(
    texts: Iterable[str],
    labels: Any,  # noqa: ANN401
    weights: ArrayLike | None,
) -> SplitRows:
    """Separate the rows whose label is None or -1.

    -1 is a class like any other unless at least two classes are left, and none of them is negative.

    Args:
        texts: Strings.
        labels: One label a text; of other forms, such as arrays of columns, nothing is separated.
        weights: Sample weights, or None.

    Raises:
        DataError: If the labels are a table.
    """
    if not isinstance(labels, Iterable) or isinstance(labels, str | bytes):
        return SplitRows(texts, labels, weights, [], 0)
    check_one_column(labels, "labels")
    given = list_of(labels)
    missing, marked = _without_label(given)
    if not missing:
        return SplitRows(texts, given, weights, [], 0)
    listed = list_of(texts)
    if len(listed) != len(given):  # refused later
        return SplitRows(listed, given, weights, [], 0)
    kept = [place for place in range(len(given)) if place not in missing]
    return SplitRows(
        [listed[place] for place in kept],
        [given[place] for place in kept],
        None if weights is None else np.asarray(weights)[kept],
        [listed[place] for place in sorted(missing)],
        marked,
    )


def _without_label(labels: list[Any]) -> tuple[set[int], int]:
    """Return the places of labels that stand for none, and how many of these are -1."""
    kinds = {*map(type, labels)}
    missing = set()
    if type(None) in kinds:
        missing = {place for place, label in enumerate(labels) if label is None}
        kinds.discard(type(None))
    if not all(issubclass(kind, Integral) and not issubclass(kind, bool) for kind in kinds):
        return missing, 0
    others = {int(label) for label in {*labels} - {None}} - {UNLABELLED}
    if len(others) < _LEAST_CLASSES or min(others) < 0:
        return missing, 0
    marked = {place for place, label in enumerate(labels) if label == UNLABELLED}
    return missing | marked, len(marked)
