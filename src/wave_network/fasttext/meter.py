"""Count how well predicted labels agree with the given ones, as fastText's `test` does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from math import nan


class Meter:
    """Counts the labels of lines: predicted, given, and both.

    Attributes:
        lines: The lines counted.
        predicted: How often each label was predicted.
        given: How often it was given.
        right: How often both.
    """

    def __init__(self) -> None:
        self.lines = 0
        self.predicted: Counter[int] = Counter()
        self.given: Counter[int] = Counter()
        self.right: Counter[int] = Counter()

    def add(self, given: Sequence[int], predicted: Collection[int]) -> None:
        """Count a line."""
        self.lines += 1
        self.predicted.update(predicted)
        self.given.update(given)
        self.right.update(label for label in predicted if label in given)

    def precision(self, labels: Iterable[int] | None = None) -> float:
        """Return the share of the predicted labels that are right; NaN if none was predicted."""
        return _share(self.right, self.predicted, labels)

    def recall(self, labels: Iterable[int] | None = None) -> float:
        """Return the share of the given labels that were predicted; NaN if none was given."""
        return _share(self.right, self.given, labels)

    def f1(self, label: int) -> float:
        """Return the F1 score of a label; NaN if it was neither predicted nor given."""
        total = self.predicted[label] + self.given[label]
        return 2 * self.right[label] / total if total else nan

    def scores(self, label: int) -> dict[str, float]:
        """Return the scores of a label by the names that fastText gives them."""
        return {
            "precision": self.precision([label]),
            "recall": self.recall([label]),
            "f1score": self.f1(label),
        }


def _share(part: Counter[int], whole: Counter[int], labels: Iterable[int] | None) -> float:
    if labels is None:
        total, found = whole.total(), part.total()
    else:
        chosen = list(labels)
        total, found = sum(whole[one] for one in chosen), sum(part[one] for one in chosen)
    return found / total if total else nan
