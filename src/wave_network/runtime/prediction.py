"""The answer for a text, and its scores: ranked only when they are read."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, Mapping, ValuesView
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wave_network.config import Label


class Scores(Mapping[Label, float]):
    """The probability of every class, the highest first; behaves like a dictionary.

    It holds 4 bytes for each class, where a dictionary needs more than 50, and sorts only when it
    is read: predictions of thousands of classes stay small. `dict(scores)` is a dictionary.

    Args:
        places: The place of each class in the row.
        row: The probabilities, the bytes of float32 numbers, in the order of `places`.
    """

    __slots__ = ("_places", "_row")

    def __init__(self, places: Mapping[Label, int], row: bytes) -> None:
        self._places = places
        self._row = row

    def __getitem__(self, label: Label) -> float:
        return float(self._values()[self._places[label]])

    def __contains__(self, label: object) -> bool:
        return label in self._places

    def __iter__(self) -> Iterator[Label]:
        return iter(self._ranked())

    def __len__(self) -> int:
        return len(self._places)

    def __eq__(self, other: object) -> bool:
        return self._ranked() == (other._ranked() if isinstance(other, Scores) else other)

    __hash__ = None  # type: ignore[assignment]

    def __reversed__(self) -> Iterator[Label]:
        return reversed(self._ranked())

    def __repr__(self) -> str:
        return repr(self._ranked())

    def items(self) -> ItemsView[Label, float]:
        """Return the classes with their probabilities, the highest first."""
        return self._ranked().items()

    def values(self) -> ValuesView[float]:
        """Return the probabilities, the highest first."""
        return self._ranked().values()

    def top(self, count: int) -> dict[Label, float]:
        """Return the `count` most probable classes, without sorting the others."""
        values = self._values()
        if count >= len(values):
            return self._ranked()
        least = np.partition(values, -count)[-count]
        best = self._ranked(np.flatnonzero(values >= least))  # more where some are equal
        return dict(list(best.items())[:count])

    def reaching(self, threshold: float) -> dict[Label, float]:
        """Return the classes whose probability is at least the threshold."""
        return self._ranked(np.flatnonzero(self._values().astype(np.float64) >= threshold))

    def _values(self) -> NDArray[np.float32]:
        return np.frombuffer(self._row, np.float32)

    def _ranked(self, places: NDArray[np.intp] | None = None) -> dict[Label, float]:
        """Sort classes (all, or those in ascending places) by their probabilities."""
        values, labels = self._values(), list(self._places)
        if places is None:
            places = np.arange(len(values))
        order = places[np.argsort(-values[places], kind="stable")]
        return dict(zip([labels[place] for place in order], values[order].tolist(), strict=True))


@dataclass(frozen=True)
class Prediction:
    """The answer for one text.

    Attributes:
        label: The most probable class, as it was in the training data; None if its probability is
            below the threshold. For a multi-label model the most probable of `labels`; None if
            the text gets no label.
        score: The probability of `label`; without a label, the highest probability.
        scores: The probability of every class, the highest first. For a multi-label model each
            label has its own probability, and they need not sum to 1.
        labels: All labels of the text, the most probable first: for a multi-label model those that
            reach their thresholds, otherwise only `label`.
        out_of_scope: How unusual the text is: the share of known texts that are less unusual. Of
            texts like the training data, 5 % are above 0.95. None unless asked for.
    """

    label: Label | None
    score: float
    scores: Scores
    labels: tuple[Label, ...]
    out_of_scope: float | None = None


def predictions(
    places: Mapping[Label, int],
    probabilities: NDArray[np.float32],
    answers: Iterable[list[int]],
    out_of_scope: Iterable[float | None],
) -> Iterator[Prediction]:
    """Yield the prediction of each text.

    Args:
        places: The place of each class, in the order of the columns.
        probabilities: (texts, classes).
        answers: The classes of each text, as `Labelling.answers` returns them.
        out_of_scope: The out-of-scope score of each text.
    """
    labels = list(places)
    highest = probabilities.max(axis=1).tolist()
    for row, best, given, unusual in zip(
        probabilities, highest, answers, out_of_scope, strict=True
    ):
        yield Prediction(
            label=labels[given[0]] if given else None,
            score=float(row[given[0]]) if given else best,
            scores=Scores(places, row.tobytes()),  # a view would keep all rows
            labels=tuple([labels[place] for place in given]),
            out_of_scope=unusual,
        )
