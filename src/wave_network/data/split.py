"""Labels as class indices, and the examples held out to validate on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import cast

import numpy as np
from numpy.typing import NDArray

from wave_network.config import Label
from wave_network.errors import DataError, for_caller, listed


def stratified_split(
    labels: NDArray[np.int64], fraction: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide examples into those to train on and those held out, each class by the same share.

    Every class keeps at least one example to train on.

    Args:
        labels: Class index of each example.
        fraction: Share of each class to hold out, rounded to whole examples.
        seed: Decides which; the same seed gives the same split.

    Returns:
        The indices to train on and those held out, each in ascending order.

    Raises:
        DataError: If every class is too small to hold an example out.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    quotas = np.minimum(np.round(fraction * counts), counts - 1)
    place_in_class = np.arange(len(labels)) - np.repeat(starts, counts)
    held_out = place_in_class < np.repeat(quotas, counts)
    if not held_out.any():
        raise DataError(
            f"too few examples ({len(labels)} in {len(counts)} classes) to hold out"
            f" {fraction:.0%} of each class: {more_validation()}"
        )
    return np.sort(order[~held_out]), np.sort(order[held_out])


def more_validation() -> str:
    """What to do if there are too few texts to hold some out."""
    other = for_caller(command_line="--validation", python="a larger validation_fraction")
    return f"give more rows or {other}"


def encode_labels(
    values: Iterable[Label], classes: Sequence[Label] | None = None
) -> tuple[tuple[Label, ...], NDArray[np.int64]]:
    """Turn labels into class indices.

    A label belongs to the class that reads the same: a file of nothing but digits gives integers,
    even where the classes are strings.

    Args:
        values: A label for each example: all strings or all integers.
        classes: The classes in their order; None takes those of `values`, sorted.

    Returns:
        The classes, and the index of each value's class.

    Raises:
        DataError: If a label is no class, if there are fewer than two classes to learn, or if a
            value is neither a string nor an integer.
    """
    labels = plain_labels(values)
    if classes is None:
        # All of one type, as `plain_labels` has checked.
        classes = sorted(set(labels))
        if len(classes) < 2:
            raise DataError(
                f"only one class ({listed(classes)}) cannot be learnt: give examples of two or more"
            )
    named = {str(label): index for index, label in enumerate(classes)}
    positions = {label: named.get(str(label), -1) for label in set(labels)}
    if -1 in positions.values():
        unknown = Counter(label for label in labels if positions[label] < 0)
        rows = f"{unknown.total()} row{'s' if unknown.total() > 1 else ''}"
        several = len(unknown) > 1
        raise DataError(
            f"label{'s' if several else ''} {listed(list(unknown))} in {rows}"
            f" {'were' if several else 'was'} not in the training data, which has"
            f" {listed(classes)}: correct or remove these rows"
        )
    indices = map(positions.__getitem__, labels)
    return tuple(classes), np.fromiter(indices, dtype=np.int64, count=len(labels))


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
