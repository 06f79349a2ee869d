"""Metrics, in the form that `evaluate --json` prints."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.config import Label
from wave_network.data.labels import Labelling, MultiLabel
from wave_network.data.targets import Targets, most_probable
from wave_network.evaluation.calibration import brier_score, expected_calibration_error, pairs_of
from wave_network.models.numpy_ops import given_labels

_MOST_CONFUSED: Final = 1_000  # classes of a confusion matrix


class _Counts(NamedTuple):
    """What precision, recall and F1 are made of; each (classes,).

    Attributes:
        hits: The texts of each class that are predicted to be.
        texts: The texts of each class.
        predicted: The texts that are predicted to be of each class.
    """

    hits: NDArray[np.integer]
    texts: NDArray[np.integer]
    predicted: NDArray[np.integer]

    @classmethod
    def of_classes(
        cls, labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
    ) -> _Counts:
        """Count class indices, (texts,)."""
        hits = labels[labels == predicted]
        return cls(*(np.bincount(part, minlength=classes) for part in (hits, labels, predicted)))

    @classmethod
    def of_labels(cls, truth: NDArray[np.bool_], given: NDArray[np.bool_]) -> _Counts:
        """Count the labels that texts have and are given, (texts, labels)."""
        return cls(*(part.sum(axis=0) for part in (truth & given, truth, given)))

    @property
    def f1(self) -> NDArray[np.float64]:
        """The F1 of each class, 0 for one that occurs nowhere."""
        f1: NDArray[np.float64] = 2 * self.hits / np.maximum(self.texts + self.predicted, 1)
        return f1

    @property
    def macro_f1(self) -> float:
        """The mean F1 of the classes that occur in the labels or predictions."""
        occurring = self.texts + self.predicted > 0
        return float(self.f1[occurring].mean()) if occurring.any() else 0.0

    @property
    def micro_f1(self) -> float:
        """The F1 over all classes together."""
        return float(2 * self.hits.sum() / max(self.texts.sum() + self.predicted.sum(), 1))

    def per_class(self, classes: Sequence[Label]) -> dict[str, dict[str, Any]]:
        """Return the metrics of each class by its name, 0 where none of its texts count."""
        columns = (
            self.hits / np.maximum(self.predicted, 1),
            self.hits / np.maximum(self.texts, 1),
            self.f1,
            self.texts,
        )
        names = ("precision", "recall", "f1", "support")
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return {
            str(label): dict(zip(names, row, strict=True))
            for label, row in zip(classes, rows, strict=True)
        }


def summarize(probabilities: NDArray[np.floating], labels: NDArray[np.int64]) -> dict[str, float]:
    """Compute accuracy, macro F1, mean cross-entropy, expected calibration error and Brier score.

    Macro F1 is the unweighted mean over the classes that occur in the labels or predictions.

    Args:
        probabilities: (texts, classes).
        labels: Class indices, (texts,).
    """
    predicted = probabilities.argmax(axis=1)
    counts = _Counts.of_classes(labels, predicted, probabilities.shape[1])
    return {
        "accuracy": float((labels == predicted).mean()),
        "macro_f1": counts.macro_f1,
        "loss": _cross_entropy(probabilities, labels),
        "ece": expected_calibration_error(probabilities, labels),
        "brier": brier_score(probabilities, labels),
    }


def standard_error(accuracy: float, texts: int) -> float:
    """Return the standard error of an accuracy, a share of right answers.

    Two right and two wrong answers are added (Agresti and Coull, 1998): answers to few texts may
    all be right, and are not sure for that.

    Args:
        accuracy: The share of right answers.
        texts: The number of answers.
    """
    share = (accuracy * texts + 2) / (texts + 4)
    return sqrt(share * (1 - share) / (texts + 4))


def answered_report(
    probabilities: NDArray[np.floating], labels: NDArray[np.int64], threshold: float
) -> dict[str, float | None]:
    """Measure predictions with abstention: only those with at least this probability count.

    Args:
        probabilities: (texts, classes).
        labels: Class indices, (texts,).
        threshold: Between 0 and 1.

    Returns:
        `threshold`; `answered`, the share of texts with a prediction; and `accuracy` on these,
        None if there are none.
    """
    answered = probabilities.max(axis=1) >= threshold
    correct = (probabilities.argmax(axis=1) == labels)[answered]
    return {
        "threshold": threshold,
        "answered": float(answered.mean()),
        "accuracy": float(correct.mean()) if len(correct) else None,
    }


def prediction_sets_report(
    probabilities: NDArray[np.floating],
    labels: NDArray[np.int64],
    coverage: float,
    threshold: float,
) -> dict[str, float]:
    """Measure prediction sets.

    Args:
        probabilities: (texts, classes).
        labels: Class indices, (texts,).
        coverage: The target coverage.
        threshold: The least probability of a label in a set.

    Returns:
        `asked`, the target coverage; `coverage`, the share of sets with the true label;
        `mean_size`, the mean number of labels in a set; `empty`, the share of empty sets.
    """
    sizes = (probabilities >= threshold).sum(axis=1)
    known = np.flatnonzero(labels < probabilities.shape[1])  # no set contains an unknown label
    contained = probabilities[known, labels[known]] >= threshold
    return {
        "asked": coverage,
        "coverage": float(contained.sum() / len(labels)),
        "mean_size": float(sizes.mean()),
        "empty": float((sizes == 0).mean()),
    }


def single_label_report(
    probabilities: NDArray[np.floating], labels: NDArray[np.int64], classes: Sequence[Label]
) -> dict[str, Any]:
    """Return `summarize`, each class's metrics, and the confusion matrix (rows: true class).

    With more than 1,000 classes there is no confusion matrix: it would take gigabytes.
    """
    predicted, size = probabilities.argmax(axis=1), len(classes)
    counts = _Counts.of_classes(labels, predicted, size)
    report = {**summarize(probabilities, labels), "per_class": counts.per_class(classes)}
    if size <= _MOST_CONFUSED:
        matrix = np.bincount(labels * size + predicted, minlength=size**2).reshape(size, size)
        report["confusion"] = {"labels": list(classes), "matrix": matrix.tolist()}
    return {**report, "examples": len(labels)}


def summarize_multi_label(
    probabilities: NDArray[np.floating],
    targets: Targets,
    thresholds: Sequence[float] | None = None,
) -> dict[str, float]:
    """Compute the metrics of a multi-label model.

    A decision is one label of one text. Accuracy is subset accuracy: the share of texts with all
    decisions correct. Micro F1 and the expected calibration error are over all decisions; macro F1
    is the unweighted mean over the labels that occur in the targets or predictions. Loss and Brier
    score are means over texts of binary cross-entropies and squared distances, each summed over the
    labels.

    Args:
        probabilities: The probability of each label, (texts, labels).
        targets: 1 where a text has a label, else 0, (texts, labels).
        thresholds: The least probability at which each label is predicted; None: 0.5.
    """
    truth = targets > 0.5
    given = given_labels(probabilities, thresholds)
    decisions = pairs_of(1 - probabilities, probabilities), truth.ravel().astype(np.int64)
    counts = _Counts.of_labels(truth, given)
    return {
        "accuracy": float((truth == given).all(axis=1).mean()),
        "micro_f1": counts.micro_f1,
        "macro_f1": counts.macro_f1,
        "loss": _binary_cross_entropy(probabilities, truth),
        "ece": expected_calibration_error(*decisions),
        "brier": float(np.square(probabilities - truth).sum(axis=1).mean()),
    }


def multi_label_report(
    probabilities: NDArray[np.floating],
    targets: Targets,
    classes: Sequence[Label],
    thresholds: Sequence[float],
) -> dict[str, Any]:
    """Return `summarize_multi_label`, and the metrics and threshold of each label."""
    truth, given = targets > 0.5, given_labels(probabilities, thresholds)
    rows = _Counts.of_labels(truth, given).per_class(classes)
    for row, threshold in zip(rows.values(), thresholds, strict=True):
        row["threshold"] = threshold
    return {
        **summarize_multi_label(probabilities, targets, thresholds),
        "per_class": rows,
        "examples": len(targets),
    }


def weighted_accuracy(
    probabilities: NDArray[np.floating], labels: NDArray[Any], weights: NDArray[np.floating]
) -> float:
    """Compute accuracy with sample weights.

    Args:
        probabilities: (texts, classes).
        labels: Class indices, (texts,).
        weights: Sample weights, (texts,).
    """
    return float(np.average(probabilities.argmax(axis=1) == labels, weights=weights))


def summarize_for(
    labelling: Labelling,
    probabilities: NDArray[np.floating],
    targets: Targets,
    weights: NDArray[np.floating] | None = None,
) -> dict[str, float]:
    """Return `summarize` or `summarize_multi_label`, depending on the labelling.

    Args:
        labelling: The model's labelling.
        probabilities: (texts, classes).
        targets: Hard or soft targets.
        weights: Sample weights for `weighted_accuracy`, a metric of single-label models; None
            leaves it out.
    """
    if isinstance(labelling, MultiLabel):
        return summarize_multi_label(probabilities, targets, labelling.thresholds)
    labels = most_probable(targets)
    metrics = summarize(probabilities, labels)
    if weights is not None:
        metrics["weighted_accuracy"] = weighted_accuracy(probabilities, labels, weights)
    return metrics


def report_for(
    labelling: Labelling, probabilities: NDArray[np.floating], targets: Targets
) -> dict[str, Any]:
    """Return the full report for a labelling, as `evaluate --json` prints it."""
    classes = labelling.classes
    if isinstance(labelling, MultiLabel):
        return multi_label_report(probabilities, targets, classes, labelling.label_thresholds)
    return single_label_report(probabilities, most_probable(targets), classes)


def _binary_cross_entropy(probabilities: NDArray[np.floating], truth: NDArray[np.bool_]) -> float:
    right = np.where(truth, probabilities, 1 - probabilities)
    return float(-np.log(np.maximum(right, np.finfo(np.float32).tiny)).sum(axis=1).mean())


def _cross_entropy(probabilities: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    true = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(true, np.finfo(np.float32).tiny)).mean())
