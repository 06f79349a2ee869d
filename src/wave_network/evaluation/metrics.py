"""Metrics, in the form that `evaluate --json` prints."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
)

from wave_network.config import Label
from wave_network.data.labels import Labelling, MultiLabel
from wave_network.data.targets import Targets, most_probable
from wave_network.evaluation.calibration import brier_score, expected_calibration_error, pairs_of
from wave_network.models.numpy_ops import given_labels

_MOST_CONFUSED: Final = 1_000  # classes of a confusion matrix


def summarize(probabilities: NDArray[np.floating], labels: NDArray[np.int64]) -> dict[str, float]:
    """Compute accuracy, macro F1, mean cross-entropy, expected calibration error and Brier score.

    Macro F1 is the unweighted mean over the classes that occur in the labels or predictions.

    Args:
        probabilities: (texts, classes).
        labels: Class indices, (texts,).
    """
    predicted = probabilities.argmax(axis=1)
    return {
        "accuracy": float(accuracy_score(labels, predicted)),
        "macro_f1": float(f1_score(labels, predicted, average="macro", zero_division=0)),
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
    predicted = probabilities.argmax(axis=1)
    indices = list(range(len(classes)))
    columns = precision_recall_fscore_support(labels, predicted, labels=indices, zero_division=0)
    report = {**summarize(probabilities, labels), "per_class": _per_class_rows(classes, columns)}
    if len(classes) <= _MOST_CONFUSED:
        matrix = confusion_matrix(labels, predicted, labels=indices)
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
    overlap = 2 * (truth & given).sum(axis=0)
    sizes = truth.sum(axis=0) + given.sum(axis=0)
    return {
        "accuracy": float((truth == given).all(axis=1).mean()),
        "micro_f1": float(overlap.sum() / max(sizes.sum(), 1)),
        "macro_f1": float(np.mean(overlap[sizes > 0] / sizes[sizes > 0])) if sizes.any() else 0.0,
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
    hits, texts, predicted = (part.sum(axis=0) for part in (truth & given, truth, given))
    columns = (
        hits / np.maximum(predicted, 1),  # precision
        hits / np.maximum(texts, 1),  # recall
        2 * hits / np.maximum(texts + predicted, 1),  # F1
        texts,
    )
    rows = _per_class_rows(classes, columns)
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


def _per_class_rows(
    classes: Sequence[Label], columns: Sequence[NDArray[Any]]
) -> dict[str, dict[str, Any]]:
    """Return each class's metrics, from columns in scikit-learn's order."""
    return {
        str(label): {
            "precision": float(precision),
            "recall": float(recall),
            "f1": float(f1),
            "support": int(support),
        }
        for label, precision, recall, f1, support in zip(classes, *columns, strict=True)
    }


def _binary_cross_entropy(probabilities: NDArray[np.floating], truth: NDArray[np.bool_]) -> float:
    right = np.where(truth, probabilities, 1 - probabilities)
    return float(-np.log(np.maximum(right, np.finfo(np.float32).tiny)).sum(axis=1).mean())


def _cross_entropy(probabilities: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    true = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(true, np.finfo(np.float32).tiny)).mean())
