"""Labels as plain Python values, whatever list, array, column or frame they come in."""

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
    """Labels as Python strings or integers, whatever array or column they come in.

    Raises:
        DataError: If a label is neither, or if both kinds occur; it names the index.
    """
    if isinstance(values, Sequence):
        values = values[:]  # a column of `datasets` reads row by row otherwise, 100 times slower
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
    """Whether this is a collection of labels: a list, set, array or Series, but no string."""
    # A polars column of lists holds Series.
    return isinstance(value, (list, tuple, Set, np.ndarray)) or hasattr(value, "to_list")


def plain_label_lists(values: Iterable[object]) -> list[list[Label]]:
    """Every text's labels as a list of Python strings or integers, each label once.

    Args:
        values: For each text a collection of labels; a label by itself counts as one of one.

    Raises:
        DataError: As `plain_labels`, over all of the labels.
    """
    if isinstance(values, Sequence):
        values = values[:]  # as `plain_labels` does
    sets: list[list[Any]] = []
    for value in values:
        labels: Any = value if is_label_list(value) else [value]
        # Sets have no order that would be the same in the next run.
        sets.append(sorted(labels, key=str) if isinstance(labels, Set) else list(labels))
    plain = iter(plain_labels(chain.from_iterable(sets)))
    return [list(dict.fromkeys(next(plain) for _ in labels)) for labels in sets]


def label_lists_of(
    table: NDArray[Any], classes: Iterable[Label] | None = None
) -> tuple[list[list[Label]], tuple[Label, ...]]:
    """The labels of each text in an array of zeros and ones, and all classes.

    Args:
        table: 1 where a text has a label, else 0; integers or booleans, (texts, classes).
        classes: What the columns stand for: strings or integers; None takes 0, 1, 2 and so on.

    Raises:
        DataError: If it holds anything else, or the classes do not fit it.
    """
    wrong = np.argwhere((table != 0) & (table != 1))
    if len(wrong):
        row, place = wrong[0].tolist()
        raise DataError(
            f"y[{row}, {place}] is {table[row, place].item()!r:.60}: an array with a column a"
            " class must hold 0 and 1"
        )
    names = tuple(range(table.shape[1]) if classes is None else plain_labels(classes))
    if len(names) != table.shape[1] or len(set(names)) < len(names):
        raise DataError(
            f"{len(names)} classes do not fit {table.shape[1]} columns: name each column once"
        )
    return [[names[place] for place in np.flatnonzero(row)] for row in table], names
