"""Convert labels from lists, arrays, columns or frames to plain Python values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from itertools import chain
from numbers import Integral
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from wave_network.config import Label
from wave_network.errors import DataError


def plain_labels(values: Iterable[object]) -> list[Label]:
    """Convert labels to Python strings or integers.

    Raises:
        DataError: If a label is neither, or if both kinds occur; the message has its index.
    """
    if isinstance(values, Sequence):
        values = values[:]  # otherwise a column of `datasets` is read row by row, 100 times slower
    values = list(values)
    if set(map(type, values)) in ({str}, {int}):
        return cast("list[Label]", values)
    labels: list[Label] = []
    for index, value in enumerate(values):
        label: Label
        if isinstance(value, str):
            label = str(value)
        elif isinstance(value, Integral) and not isinstance(value, bool):
            label = int(value)
        else:
            kind = type(value).__name__
            raise DataError(
                f"label {index} is {value!r:.60} ({kind}): labels must be strings or integers"
            )
        if labels and type(label) is not type(labels[0]):
            raise DataError(
                f"label {index} is {value!r:.60} and label 0 is {labels[0]!r:.60}: make all labels"
                " strings or all integers"
            )
        labels.append(label)
    return labels


def is_label_list(value: object) -> bool:
    """Return whether a value is a collection of labels: a list, set, array or Series."""
    # A polars column of lists holds Series.
    return isinstance(value, (list, tuple, Set, np.ndarray)) or hasattr(value, "to_list")


def plain_label_lists(values: Iterable[object]) -> list[list[Label]]:
    """Convert each text's labels to a list of distinct Python strings or integers.

    Args:
        values: For each text a collection of labels, or a single label.

    Raises:
        DataError: As for `plain_labels`; the index counts the labels of all texts.
    """
    if isinstance(values, Sequence):
        values = values[:]  # as `plain_labels` does
    sets: list[list[Any]] = []
    for value in values:
        labels: Any = value if is_label_list(value) else [value]
        # Sorted, as the order of a set differs from run to run.
        sets.append(sorted(labels, key=str) if isinstance(labels, Set) else list(labels))
    plain = iter(plain_labels(chain.from_iterable(sets)))
    return [list(dict.fromkeys(next(plain) for _ in labels)) for labels in sets]


def label_lists_of(
    table: NDArray[Any], classes: Iterable[Label] | None = None
) -> tuple[list[list[Label]], tuple[Label, ...]]:
    """Convert an array of zeros and ones to the labels of each text, and all classes.

    Args:
        table: 1 where a text has a label, else 0; integers or booleans, (texts, classes).
        classes: The labels of the columns: strings or integers; None: 0, 1, 2 and so on.

    Raises:
        DataError: If the array has other values, or the classes do not fit it.
    """
    wrong = np.argwhere((table != 0) & (table != 1))
    if len(wrong):
        row, place = wrong[0].tolist()
        raise DataError(
            f"y[{row}, {place}] is {table[row, place].item()!r:.60}: an array with a column per"
            " class must hold 0 and 1"
        )
    names = tuple(range(table.shape[1]) if classes is None else plain_labels(classes))
    if len(names) != table.shape[1] or len(set(names)) < len(names):
        raise DataError(
            f"{len(names)} classes do not fit {table.shape[1]} columns: name each column once"
        )
    return [[names[place] for place in np.flatnonzero(row)] for row in table], names
