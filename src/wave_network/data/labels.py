"""The labelling of a model: its classes, and whether it is single-label or multi-label.

A labelling encodes labels as targets, splits texts, and turns logits into probabilities and
probabilities into predictions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from wave_network.config import ClassifierConfig, Label, ProblemType
from wave_network.data.class_indices import class_indices, unknown_labels
from wave_network.data.holdout import stratified_holdout
from wave_network.data.label_column import LabelColumn
from wave_network.data.plain_labels import (
    is_label_list,
    label_finder,
    label_key,
    plain_label_lists,
    plain_labels,
)
from wave_network.data.targets import Targets, most_probable
from wave_network.errors import DataError, for_caller, listed, option_name
from wave_network.models.numpy_ops import given_labels, sigmoid, softmax
from wave_network.scale.arrays import AT_ONCE, ArrayWriter, blocks, flatnonzero

if TYPE_CHECKING:
    from typing_extensions import Self

    from wave_network.data.soft_labels import SoftLabels

Floats = NDArray[np.floating]
Split = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True)
class Labelling(ABC):
    """The classes of a model, and how many of them a text may have.

    Attributes:
        classes: The classes, in the order of the logits.
        problem_type: The name of this kind of labelling in a model's configuration.
        multi_label: Whether a text may have several labels, or none. For code that exists in a
            form for each kind; what all rooms need is a method here.
    """

    classes: tuple[Label, ...]
    problem_type: ClassVar[ProblemType]
    multi_label: ClassVar[bool]

    @classmethod
    def learn(cls, values: Iterable[Any]) -> Self:
        """Create the labelling of training labels, with their classes sorted.

        Args:
            values: As for `encode`.

        Raises:
            DataError: If there are too few classes, or a label is not a plain one (see `Label`).
        """
        classes = sorted(cls._column(values).used())
        cls._check_learnable(classes)
        return cls(tuple(classes))

    @classmethod
    def names(cls, values: Iterable[Any]) -> list[Label]:
        """Return the different labels that texts have, as plain Python values."""
        return list(cls._column(values).used())

    @classmethod
    @abstractmethod
    def _column(cls, values: Iterable[Any]) -> LabelColumn:
        """Return labels as a column of plain Python values, all of one type."""

    @classmethod
    @abstractmethod
    def _check_learnable(cls, classes: Sequence[Label]) -> None:
        """Refuse too few classes."""

    def grown(self, names: Iterable[Label]) -> Self:
        """Append the new classes among these labels, sorted.

        Labels and classes are compared by `label_key`. New classes get the type of the old ones.

        Raises:
            DataError: If the old classes are numbers and a new one is not.
        """
        index_of, kind = label_finder(self.classes), type(self.classes[0])
        new = {label for label in names if index_of(label) < 0}
        try:
            return type(self)((*self.classes, *sorted(_as(kind, label) for label in new)))
        except ValueError:
            kinds = {bool: "booleans", int: "integers", float: "numbers"}[kind]
            raise DataError(
                f"the new labels {listed(sorted(map(str, new)))} are strings, those of the model"
                f" {kinds} ({listed(list(self.classes))}): make them {kinds}, too"
            ) from None

    @abstractmethod
    def encode(self, values: Iterable[Any], source: str | None = None) -> Targets:
        """Encode labels as targets.

        Labels and classes are compared by `label_key`, because labels read from a file of digits
        are integers, even if the classes are strings.

        Args:
            values: The label or labels of each text.
            source: The file of the labels, for messages; None: they are from memory.

        Raises:
            DataError: If a label is not one of the classes, or not a plain one.
        """

    @abstractmethod
    def knows(self, values: Iterable[Any]) -> NDArray[np.bool_]:
        """Return whether all labels of each text are among the classes, (texts,)."""

    def with_unseen(self, values: Iterable[Any]) -> Self:
        """Append the labels that are not among the classes, to count them as wrong."""
        index_of = label_finder(self.classes)
        new = {label for label in self.names(values) if index_of(label) < 0}
        return self._extended(tuple(sorted(new, key=str)))

    def _extended(self, classes: tuple[Label, ...]) -> Self:
        return replace(self, classes=(*self.classes, *classes))

    def encode_soft(self, labels: SoftLabels) -> NDArray[np.float32]:
        """Encode soft labels of these classes, or of some of them, as soft targets."""
        places = list(map(label_finder(self.classes), labels.classes))
        targets = np.zeros((len(labels.probabilities), len(self.classes)), np.float32)
        targets[:, places] = labels.probabilities
        return targets

    @abstractmethod
    def split(self, targets: Targets, fraction: float, seed: int) -> Split:
        """Hold out a share of the texts for validation, stratified by label.

        Args:
            targets: The targets of all texts.
            fraction: Share of the texts to hold out.
            seed: Seed of the split.

        Returns:
            The indices of the training texts and of those held out, each in ascending order.

        Raises:
            DataError: If there are too few texts to hold any out.
        """

    @abstractmethod
    def strata(self, targets: Targets) -> NDArray[np.int64]:
        """Return the stratum of each text, (texts,), of which `folds` gives each fold a share."""

    def folds(self, targets: Targets, count: int, seed: int) -> NDArray[np.int64]:
        """Assign texts to the folds of a cross-validation, stratified by label.

        Args:
            targets: The targets of all texts.
            count: Number of folds.
            seed: Seed of the assignment.

        Returns:
            The fold of each text from 0, int64, (texts,); -1 for the only text of its stratum,
            which no fold can hold out.
        """
        strata = self.strata(targets)
        order = np.random.default_rng(seed).permutation(len(strata))
        order = order[np.argsort(strata[order], kind="stable")]
        _, places, counts = np.unique(strata, return_inverse=True, return_counts=True)
        order = order[counts[places[order]] > 1]
        folds = np.full(len(strata), -1)
        folds[order] = np.arange(len(order)) % count
        return folds

    @abstractmethod
    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute probabilities from logits, both (texts, classes)."""

    @abstractmethod
    def decide(self, probabilities: Floats) -> NDArray[np.bool_]:
        """Decide which labels each text gets, (texts, classes)."""

    @abstractmethod
    def answers(self, probabilities: Floats, threshold: float) -> list[list[int]]:
        """Return the classes predicted for each text, the most probable first.

        Args:
            probabilities: (texts, classes).
            threshold: The least probability of a predicted class.
        """

    def changed(self, first: Floats, second: Floats) -> NDArray[np.bool_]:
        """Find the texts whose labels differ between two sets of probabilities, (texts,)."""
        changed: NDArray[np.bool_] = (self.decide(first) != self.decide(second)).any(axis=1)
        return changed


class SingleLabel(Labelling):
    """Single-label: targets are class indices, or the probabilities of all classes."""

    problem_type: ClassVar[ProblemType] = "single_label_classification"
    multi_label: ClassVar[bool] = False

    @classmethod
    def _column(cls, values: Iterable[Any]) -> LabelColumn:
        if isinstance(values, LabelColumn) and not values.listed:
            return values
        return LabelColumn.of(plain_labels(values))

    @classmethod
    def _check_learnable(cls, classes: Sequence[Label]) -> None:
        if len(classes) < 2:
            raise DataError(
                f"there is only one class ({listed(classes)}): give examples of two or more"
            )

    def encode(self, values: Iterable[Any], source: str | None = None) -> NDArray[np.int64]:
        """Encode a label for each text as class indices, (texts,)."""
        column = self._column(values)
        indices = class_indices(column, self.classes)
        if (indices < 0).any():
            raise DataError(unknown_labels(column, indices, self.classes, source))
        return indices

    def knows(self, values: Iterable[Any]) -> NDArray[np.bool_]:
        """Return whether the label of each text is among the classes, (texts,)."""
        return class_indices(self._column(values), self.classes) >= 0

    def split(self, targets: Targets, fraction: float, seed: int) -> Split:
        """Hold out the same share of each class, but leave at least one training text.

        If that is less than a text for most classes, hold out the same share of all texts.
        """
        labels = most_probable(targets)
        held_out = stratified_holdout(labels, fraction, np.random.default_rng(seed))
        if not held_out.any():
            raise DataError(
                f"too few examples ({len(labels)} in {len(set(labels.tolist()))} classes) to hold"
                f" out {fraction:.0%} of each class: {_more_validation()}"
            )
        return flatnonzero(~held_out), flatnonzero(held_out)

    def strata(self, targets: Targets) -> NDArray[np.int64]:
        """Return the class of each text; of soft targets, the most probable."""
        return most_probable(targets)

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the softmax."""
        return softmax(logits)

    def decide(self, probabilities: Floats) -> NDArray[np.bool_]:
        """Decide for the most probable class of each text."""
        best: NDArray[np.bool_] = probabilities.argmax(axis=1)[:, None] == np.arange(
            len(self.classes)
        )
        return best

    def answers(self, probabilities: Floats, threshold: float) -> list[list[int]]:
        """Return the most probable class of each text, if it reaches the threshold."""
        best = probabilities.argmax(axis=1).tolist()
        given = (probabilities.max(axis=1).astype(np.float64) >= threshold).tolist()
        return [[place] if reached else [] for place, reached in zip(best, given, strict=True)]


@dataclass(frozen=True)
class MultiLabel(Labelling):
    """Multi-label: targets are 1 where a text has a label, else 0.

    Attributes:
        thresholds: The least probability at which each label is predicted; None: 0.5.
    """

    thresholds: tuple[float, ...] | None = None
    problem_type: ClassVar[ProblemType] = "multi_label_classification"
    multi_label: ClassVar[bool] = True

    @property
    def label_thresholds(self) -> tuple[float, ...]:
        """The threshold of each label."""
        return self.thresholds or (0.5,) * len(self.classes)

    @classmethod
    def _column(cls, values: Iterable[Any]) -> LabelColumn:
        if isinstance(values, LabelColumn):
            return values.as_lists()
        return LabelColumn.of(plain_label_lists(values)).as_lists()

    @classmethod
    def _check_learnable(cls, classes: Sequence[Label]) -> None:
        if not classes:
            raise DataError("no text has a label: give some labels")

    def encode(self, values: Iterable[Any], source: str | None = None) -> NDArray[np.float32]:
        """Encode the labels of each text as zeros and ones, float32, (texts, classes)."""
        given = values if isinstance(values, LabelColumn) else list(values)
        column = self._column(given)
        indices = class_indices(column, self.classes)
        if (indices < 0).any():
            message = unknown_labels(column, indices, self.classes, source)
            if not any(map(is_label_list, given)):
                separator = option_name("label_separator")
                message += f"; if each text's labels are joined, give {separator}"
            raise DataError(message)
        targets = ArrayWriter(np.float32, row=(len(self.classes),))
        assert column.offsets is not None
        for block in blocks(len(column), max(1, AT_ONCE // len(self.classes))):
            ends = column.offsets[block.start : block.stop + 1]
            some = np.zeros((len(ends) - 1, len(self.classes)), np.float32)
            some[np.repeat(np.arange(len(some)), np.diff(ends)), indices[ends[0] : ends[-1]]] = 1
            targets.append(some)
        return targets.finish()

    def knows(self, values: Iterable[Any]) -> NDArray[np.bool_]:
        """Return whether all labels of each text are among the classes, (texts,)."""
        column = self._column(values)
        known = np.ones(len(column), np.bool_)
        known[column.rows()[class_indices(column, self.classes) < 0]] = False
        return known

    def _extended(self, classes: tuple[Label, ...]) -> Self:
        thresholds = (*self.label_thresholds, *(1.0,) * len(classes))
        return replace(self, classes=(*self.classes, *classes), thresholds=thresholds)

    def split(self, targets: Targets, fraction: float, seed: int) -> Split:
        """Hold out the same share of each stratum: the texts with the same rarest label."""
        strata = self.strata(targets)
        order = np.random.default_rng(seed).permutation(len(targets))
        order = order[np.argsort(strata[order], kind="stable")]
        # The order is by stratum, so even steps take an equal share of each.
        places = np.arange(len(targets) + 1) * fraction + 0.5
        held_out = np.diff(np.floor(places)) > 0
        if not held_out.any() or held_out.all():
            raise DataError(
                f"too few texts ({len(targets)}) to hold out {fraction:.0%} of them:"
                f" {_more_validation()}"
            )
        return np.sort(order[~held_out]), np.sort(order[held_out])

    def strata(self, targets: Targets) -> NDArray[np.int64]:
        """Return the rarest label of each text; texts without labels are a stratum of their own."""
        counts = targets.sum(axis=0)
        none = np.float32(len(targets) + 1)  # more than any count
        rarity = np.column_stack(
            [np.where(targets > 0, counts, none), np.full(len(targets), none - 1)]
        )
        strata: NDArray[np.int64] = rarity.argmin(axis=1)
        return strata

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the sigmoid."""
        return sigmoid(logits)

    def decide(self, probabilities: Floats) -> NDArray[np.bool_]:
        """Decide for the labels that reach their thresholds."""
        return given_labels(probabilities, self.thresholds)

    def answers(self, probabilities: Floats, threshold: float) -> list[list[int]]:
        """Return the labels that reach both their own threshold and this one."""
        least = np.maximum(self.label_thresholds, threshold)
        texts, places = np.nonzero(probabilities >= least)
        order = np.lexsort((-probabilities[texts, places], texts))
        ends = np.bincount(texts, minlength=len(probabilities)).cumsum().tolist()
        given = places[order].tolist()
        return [given[start:end] for start, end in pairwise([0, *ends])]


def labelling_of(config: ClassifierConfig) -> Labelling:
    """Return the labelling of a model."""
    if config.is_multi_label:
        return MultiLabel(config.labels, config.thresholds)
    return SingleLabel(config.labels)


def _as(kind: type[Label], label: Label) -> Label:
    """Convert a label to the type of others.

    Raises:
        ValueError: If it does not stand for one of that type.
    """
    if kind is bool:
        raise ValueError  # there are only two, and neither is new
    return str(label) if kind is str else kind(label_key(label))


def _more_validation() -> str:
    """Return the advice for too few texts to hold some out."""
    other = for_caller(command_line="--validation", python="a larger validation_fraction")
    return f"give more rows or {other}"
