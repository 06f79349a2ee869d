"""Labels of texts that may have any number of them, as rows of zeros and ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wave_network.config import Label
from wave_network.data.batch import Targets
from wave_network.data.split import encode_labels, more_validation, plain_labels
from wave_network.errors import DataError, option_name


def is_label_set(value: object) -> bool:
    """Whether this is a collection of labels: a list, set, array or Series, but no string."""
    # A polars column of lists holds Series.
    return isinstance(value, (list, tuple, Set, np.ndarray)) or hasattr(value, "to_list")


def plain_label_sets(values: Iterable[object]) -> list[list[Label]]:
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
        labels: Any = value if is_label_set(value) else [value]
        # Sets have no order that would be the same in the next run.
        sets.append(sorted(labels, key=str) if isinstance(labels, Set) else list(labels))
    plain = iter(plain_labels(chain.from_iterable(sets)))
    return [list(dict.fromkeys(next(plain) for _ in labels)) for labels in sets]


def label_sets_of(
    table: NDArray[Any], classes: Iterable[Label] | None = None
) -> tuple[list[list[Label]], tuple[Label, ...]]:
    """The labels that an array of zeros and ones tells of, and all there are.

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


def encode_label_sets(
    values: Iterable[object], classes: Sequence[Label] | None = None
) -> tuple[tuple[Label, ...], NDArray[np.float32]]:
    """Turn every text's labels into a row of zeros and ones.

    Args:
        values: As for `plain_label_sets`.
        classes: The labels there are, in their order; None takes those of `values`, sorted.

    Returns:
        The classes, and float32, (texts, classes): 1 where the text has the label.

    Raises:
        DataError: If a label is no class, or is neither a string nor an integer; if there is no
            label at all to learn.
    """
    sets = plain_label_sets(values)
    every = list(chain.from_iterable(sets))
    if classes is None:
        classes = sorted(set(every))  # all of one type, as `plain_labels` has checked
        if not classes:
            raise DataError("no text has a label, so there is nothing to learn: give some labels")
    _, indices = encode_labels(every, classes)
    texts = np.repeat(np.arange(len(sets)), [len(labels) for labels in sets])
    targets = np.zeros((len(sets), len(classes)), np.float32)
    targets[texts, indices] = 1
    return tuple(classes), targets


def encode_targets(
    values: Iterable[Any], classes: Sequence[Label], *, multi_label: bool
) -> Targets:
    """What a model of these classes is to answer.

    Args:
        values: A label for each text, or all its labels.
        classes: The model's classes, in their order.
        multi_label: Whether a text may have any number of labels.

    Returns:
        As `encode_label_sets` for any number of labels, else as `encode_labels`.

    Raises:
        DataError: As those.
    """
    if not multi_label:
        return encode_labels(values, classes)[1]
    values = list(values)
    try:
        return encode_label_sets(values, classes)[1]
    except DataError as error:
        if any(map(is_label_set, values)):
            raise
        advice = f"if each text's labels are joined, give {option_name('label_separator')}"
        raise DataError(f"{error}; {advice}") from None


def split_label_sets(
    targets: Targets, fraction: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide texts into those to train on and those held out, stratified by their rarest label.

    Args:
        targets: 1 where a text has a label, (texts, classes).
        fraction: Share of the texts to hold out.
        seed: Decides which; the same seed gives the same split.

    Returns:
        The indices to train on and those held out, each in ascending order.

    Raises:
        DataError: If there are too few texts to hold one out.
    """
    counts = targets.sum(axis=0)
    none = np.float32(len(targets) + 1)  # more than any count
    rarity = np.column_stack([np.where(targets > 0, counts, none), np.full(len(targets), none - 1)])
    strata = rarity.argmin(axis=1)  # of texts without a label one beyond the classes
    order = np.random.default_rng(seed).permutation(len(targets))
    order = order[np.argsort(strata[order], kind="stable")]
    # Every stratum's texts follow each other, so even steps take an equal share of each.
    places = np.arange(len(targets) + 1) * fraction + 0.5
    held_out = np.diff(np.floor(places)) > 0
    if not held_out.any() or held_out.all():
        raise DataError(
            f"too few texts ({len(targets)}) to hold out {fraction:.0%} of them: "
            f"{more_validation()}"
        )
    return np.sort(order[~held_out]), np.sort(order[held_out])
