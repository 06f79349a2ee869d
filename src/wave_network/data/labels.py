"""The labelling: which classes there are, and whether a text has one of them or any number.

Whatever depends on that asks the labelling: it encodes labels as targets, splits texts, turns
logits into probabilities and probabilities into answers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from wave_network.config import ClassifierConfig, Label, ProblemType
from wave_network.data.plain_labels import is_label_list, plain_label_lists, plain_labels
from wave_network.data.soft_labels import SoftLabels
from wave_network.data.targets import Targets, most_probable
from wave_network.errors import DataError, for_caller, listed, option_name
from wave_network.models.numpy_ops import given_labels, sigmoid, softmax

if TYPE_CHECKING:
    from typing_extensions import Self

Floats = NDArray[np.floating]
Split = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True)
class Labelling(ABC):
    """The classes, and how many of them a text may have.

    Attributes:
        classes: The classes, in the order of the logits.
        problem_type: The name that a model's configuration has for it.
        multi_label: Whether a text may have any number of labels. Ask it where another room has a
            form for each; what is common to all rooms is a method here.
    """

    classes: tuple[Label, ...]
    problem_type: ClassVar[ProblemType]
    multi_label: ClassVar[bool]

    @classmethod
    def learn(cls, values: Iterable[Any]) -> Self:
        """The labelling of training labels: their classes, sorted.

        Args:
            values: As for `encode`.

        Raises:
            DataError: If there are too few classes to learn from, or a value is neither a string
                nor an integer.
        """
        # All of one type, as `names` has checked.
        classes = sorted(set(cls.names(values)))
        cls._check_learnable(classes)
        return cls(tuple(classes))

    @classmethod
    @abstractmethod
    def names(cls, values: Iterable[Any]) -> list[Label]:
        """All labels of all texts, as plain strings or integers."""

    @classmethod
    @abstractmethod
    def _check_learnable(cls, classes: Sequence[Label]) -> None:
        """Refuse classes that cannot be learnt."""

    def grown(self, names: Iterable[Label]) -> Self:
        """This labelling with the new ones among these labels appended, sorted.

        A label belongs to the class that reads the same; new ones become strings or integers as the
        old ones are.

        Raises:
            DataError: If the old classes are integers and a new one is not.
        """
        known = set(map(str, self.classes))
        new = {label for label in names if str(label) not in known}
        if isinstance(self.classes[0], str):
            return type(self)((*self.classes, *sorted(map(str, new))))
        try:
            return type(self)((*self.classes, *sorted(map(int, new))))
        except ValueError:
            raise DataError(
                f"the new labels {listed(sorted(map(str, new)))} are strings, those of the model to"
                f" train on integers ({listed(list(self.classes))}): make them integers, too"
            ) from None

    @abstractmethod
    def encode(self, values: Iterable[Any]) -> Targets:
        """Turn labels into targets.

        A label belongs to the class that reads the same: a file of nothing but digits gives
        integers, even where the classes are strings.

        Args:
            values: The labels of each text.

        Raises:
            DataError: If a label is none of the classes, or neither a string nor an integer.
        """

    def encode_soft(self, labels: SoftLabels) -> NDArray[np.float32]:
        """Soft labels of these classes, or of some of them, as soft targets."""
        places = {str(label): place for place, label in enumerate(self.classes)}
        targets = np.zeros((len(labels.probabilities), len(self.classes)), np.float32)
        targets[:, [places[str(label)] for label in labels.classes]] = labels.probabilities
        return targets

    @abstractmethod
    def split(self, targets: Targets, fraction: float, seed: int) -> Split:
        """Hold out a share of the texts for validation, stratified by label.

        Args:
            targets: Of all texts.
            fraction: Share of the texts to hold out.
            seed: Decides which; the same seed gives the same split.

        Returns:
            The indices to train on and those held out, each in ascending order.

        Raises:
            DataError: If there are too few texts to hold any out.
        """

    @abstractmethod
    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """The probabilities that logits stand for, both (texts, classes)."""

    @abstractmethod
    def decide(self, probabilities: Floats) -> NDArray[np.bool_]:
        """Which labels each text gets, (texts, classes)."""

    @abstractmethod
    def answer(self, ranked: list[int], row: list[float], threshold: float) -> list[int]:
        """The classes that one text gets, the most probable first.

        Args:
            ranked: All classes, the most probable first.
            row: The probability of each class.
            threshold: The least probability of an answer.
        """

    def changed(self, first: Floats, second: Floats) -> NDArray[np.bool_]:
        """Which texts get other labels by the second probabilities than by the first, (texts,)."""
        changed: NDArray[np.bool_] = (self.decide(first) != self.decide(second)).any(axis=1)
        return changed


@dataclass(frozen=True)
class SingleLabel(Labelling):
    """Each text has one label. Targets are class indices, or a probability of each class."""

    problem_type: ClassVar[ProblemType] = "single_label_classification"
    multi_label: ClassVar[bool] = False

    @classmethod
    def names(cls, values: Iterable[Any]) -> list[Label]:
        """The labels as plain strings or integers."""
        return plain_labels(values)

    @classmethod
    def _check_learnable(cls, classes: Sequence[Label]) -> None:
        if len(classes) < 2:
            raise DataError(
                f"only one class ({listed(classes)}) cannot be learnt: give examples of two or more"
            )

    def encode(self, values: Iterable[Any]) -> NDArray[np.int64]:
        """Turn a label for each text into class indices, (texts,)."""
        return _indices(plain_labels(values), self.classes)

    def split(self, targets: Targets, fraction: float, seed: int) -> Split:
        """Hold out the same share of each class; each keeps at least one text to train on."""
        labels = most_probable(targets)
        order = np.random.default_rng(seed).permutation(len(labels))
        order = order[np.argsort(labels[order], kind="stable")]
        _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
        quotas = np.minimum(np.round(fraction * counts), counts - 1)
        place_in_class = np.arange(len(labels)) - np.repeat(starts, counts)
        held_out = place_in_class < np.repeat(quotas, counts)
        if not held_out.any():
            raise DataError(
                f"too few examples ({len(labels)} in {len(counts)} classes) to hold out"
                f" {fraction:.0%} of each class: {_more_validation()}"
            )
        return np.sort(order[~held_out]), np.sort(order[held_out])

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities that sum to 1: the softmax."""
        return softmax(logits)

    def decide(self, probabilities: Floats) -> NDArray[np.bool_]:
        """Give each text its most probable class."""
        best: NDArray[np.bool_] = probabilities.argmax(axis=1)[:, None] == np.arange(
            len(self.classes)
        )
        return best

    def answer(self, ranked: list[int], row: list[float], threshold: float) -> list[int]:
        """The most probable class, if it reaches the threshold."""
        return ranked[:1] if row[ranked[0]] >= threshold else []


@dataclass(frozen=True)
class MultiLabel(Labelling):
    """Each text has any number of labels. Targets are 1 where it has the label, else 0.

    Attributes:
        thresholds: The probability from which on each label is given; None: 0.5.
    """

    thresholds: tuple[float, ...] | None = None
    problem_type: ClassVar[ProblemType] = "multi_label_classification"
    multi_label: ClassVar[bool] = True

    @property
    def label_thresholds(self) -> tuple[float, ...]:
        """The threshold of each label."""
        return self.thresholds or (0.5,) * len(self.classes)

    @classmethod
    def names(cls, values: Iterable[Any]) -> list[Label]:
        """The labels of all texts, one after the other, as plain strings or integers."""
        return list(chain.from_iterable(plain_label_lists(values)))

    @classmethod
    def _check_learnable(cls, classes: Sequence[Label]) -> None:
        if not classes:
            raise DataError("no text has a label, so there is nothing to learn: give some labels")

    def encode(self, values: Iterable[Any]) -> NDArray[np.float32]:
        """Turn the labels of each text into a row of zeros and ones, float32, (texts, classes)."""
        values = list(values)
        lists = plain_label_lists(values)
        try:
            indices = _indices(list(chain.from_iterable(lists)), self.classes)
        except DataError as error:
            if any(map(is_label_list, values)):
                raise
            advice = f"if each text's labels are joined, give {option_name('label_separator')}"
            raise DataError(f"{error}; {advice}") from None
        texts = np.repeat(np.arange(len(lists)), [len(labels) for labels in lists])
        targets = np.zeros((len(lists), len(self.classes)), np.float32)
        targets[texts, indices] = 1
        return targets

    def split(self, targets: Targets, fraction: float, seed: int) -> Split:
        """Hold out an equal share of the texts of each rarest label."""
        counts = targets.sum(axis=0)
        none = np.float32(len(targets) + 1)  # more than any count
        rarity = np.column_stack(
            [np.where(targets > 0, counts, none), np.full(len(targets), none - 1)]
        )
        strata = rarity.argmin(axis=1)  # of texts without a label one beyond the classes
        order = np.random.default_rng(seed).permutation(len(targets))
        order = order[np.argsort(strata[order], kind="stable")]
        # Every stratum's texts follow each other, so even steps take an equal share of each.
        places = np.arange(len(targets) + 1) * fraction + 0.5
        held_out = np.diff(np.floor(places)) > 0
        if not held_out.any() or held_out.all():
            raise DataError(
                f"too few texts ({len(targets)}) to hold out {fraction:.0%} of them:"
                f" {_more_validation()}"
            )
        return np.sort(order[~held_out]), np.sort(order[held_out])

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Each label's own probability: the sigmoid."""
        return sigmoid(logits)

    def decide(self, probabilities: Floats) -> NDArray[np.bool_]:
        """Give each text the labels that reach their thresholds."""
        return given_labels(probabilities, self.thresholds)

    def answer(self, ranked: list[int], row: list[float], threshold: float) -> list[int]:
        """The labels that reach their own threshold and this one."""
        least = self.label_thresholds
        return [place for place in ranked if row[place] >= max(least[place], threshold)]


def labelling_of(config: ClassifierConfig) -> Labelling:
    """The labelling of a model."""
    if config.is_multi_label:
        return MultiLabel(config.labels, config.thresholds)
    return SingleLabel(config.labels)


def _more_validation() -> str:
    """What to do if there are too few texts to hold some out."""
    other = for_caller(command_line="--validation", python="a larger validation_fraction")
    return f"give more rows or {other}"


def _indices(labels: list[Label], classes: Sequence[Label]) -> NDArray[np.int64]:
    """The index of each label's class."""
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
    return np.fromiter(indices, dtype=np.int64, count=len(labels))
