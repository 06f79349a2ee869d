"""Convert labels from lists, arrays, columns or frames to plain Python values, and compare them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence, Set
from itertools import chain
from math import isnan
from numbers import Integral, Real
from typing import Any, Final, cast
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from wave_network.config import Label
from wave_network.data.values import list_of
from wave_network.errors import DataError

_WHOLE: Final = re.compile(r"(-?[0-9]+)\.0+", re.ASCII)
_TRUTHS: Final = {"true": "True", "false": "False"}


def plain_labels(values: Iterable[object]) -> list[Label]:
    """Convert labels to Python strings, integers, booleans or whole floats, all of one type.

    Integers and whole floats together become integers.

    Raises:
        DataError: If a label is none of these, or types are mixed; the message has its index.
    """
    values = list_of(values)
    if set(map(type, values)) in ({str}, {int}, {bool}):
        return cast("list[Label]", values)
    labels = [_plain_label(value, index) for index, value in enumerate(values)]
    if set(map(type, labels)) == {int, float}:
        return [int(label) for label in labels]
    for index, label in enumerate(labels):
        if type(label) is not type(labels[0]):
            raise DataError(
                f"label {index} is {label!r:.60} and label 0 is {labels[0]!r:.60}: make all labels"
                " of one type, such as strings"
            )
    return labels


def _plain_label(value: object, index: int) -> Label:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real) and float(value).is_integer():
        return float(value)
    if is_missing(value):
        raise DataError(
            f"label {index} is missing ({value!s:.60}): give it a label, or leave its text out"
        )
    kind = type(value).__name__
    raise DataError(
        f"label {index} is {value!r:.60} ({kind}): labels must be strings, whole numbers or"
        " booleans"
    )


def is_missing(value: object) -> bool:
    """Return whether a value stands for a missing one: None, NaN, or pandas' NA and NaT."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, Real) and isnan(value)


def label_key(label: Label) -> str:
    """Return the string by which labels from different sources are compared.

    A label is the same whether a file has `1`, `"1"`, `1.0` or `1.00`, or `true` or `True`; blanks
    around it and its Unicode form do not count.
    """
    text = tidy_label(label) if isinstance(label, str) else str(label)
    if match := _WHOLE.fullmatch(text):
        return match[1]
    return _TRUTHS.get(text.lower(), text)


def tidy_label(label: str) -> str:
    """Return a label without blanks around it, in Unicode's composed form (NFC)."""
    return normalize("NFC", label).strip()


def label_finder(classes: Sequence[Label]) -> Callable[[Label], int]:
    """Return a function that gives the index of a label's class, -1 if there is none.

    A label belongs to the class that reads the same; if there is none, to that with its key.
    """
    keyed = {label_key(label): index for index, label in enumerate(classes)}
    exact = {str(label): index for index, label in enumerate(classes)}

    def index_of(label: Label) -> int:
        return exact.get(str(label), keyed.get(label_key(label), -1))

    return index_of


def is_label_list(value: object) -> bool:
    """Return whether a value is a collection of labels: a list, set, array or Series."""
    # A polars column of lists holds Series.
    return isinstance(value, (list, tuple, Set, np.ndarray)) or hasattr(value, "to_list")


def plain_label_lists(values: Iterable[object]) -> list[list[Label]]:
    """Convert each text's labels to a list of plain labels.

    Args:
        values: For each text a collection of labels, or a single label.

    Raises:
        DataError: As for `plain_labels`; the index counts the labels of all texts.
    """
    sets: list[list[Any]] = []
    for value in list_of(values):
        labels: Any = value if is_label_list(value) else [value]
        # Sorted, as the order of a set differs from run to run.
        sets.append(sorted(labels, key=str) if isinstance(labels, Set) else list(labels))
    plain = iter(plain_labels(chain.from_iterable(sets)))
    return [[next(plain) for _ in labels] for labels in sets]


def label_lists_of(
    table: NDArray[Any], classes: Iterable[Label] | None = None
) -> tuple[list[list[Label]], tuple[Label, ...]]:
    """Convert an array of zeros and ones to the labels of each text, and all classes.

    Args:
        table: 1 where a text has a label, else 0; integers or booleans, (texts, classes).
        classes: The labels of the columns; None: 0, 1, 2 and so on.

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
    columns = table.shape[1]
    names = tuple(range(columns)) if classes is None else columns_named(classes, columns)
    return [[names[place] for place in np.flatnonzero(row)] for row in table], names


def columns_named(classes: Iterable[Label], columns: int) -> tuple[Label, ...]:
    """Return the classes of an array's columns as plain labels.

    Raises:
        DataError: If they are not one for each column, all different.
    """
    names = tuple(plain_labels(classes))
    if len(names) != columns or len(set(names)) < len(names):
        raise DataError(f"{len(names)} classes do not fit {columns} columns: name each column once")
    return names
