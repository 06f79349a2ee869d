"""What an evaluation reports, in the form that `evaluate --json` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
)

from wave_network.config import Label
from wave_network.training.calibration import brier_score, expected_calibration_error


def summarize(probabilities: NDArray[np.floating], labels: NDArray[np.int64]) -> dict[str, float]:
    """Accuracy, macro F1, mean cross-entropy, expected calibration error and Brier score.

    Macro F1 is the plain mean over all the model's classes that occur in the labels or in the
    predictions.

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


def answered_report(
    probabilities: NDArray[np.floating], labels: NDArray[np.int64], threshold: float
) -> dict[str, float | None]:
    """The share of texts whose answer has at least that probability, and how many are right.

    Args:
        probabilities: (texts, classes).
        labels: Class indices, (texts,).
        threshold: Between 0 and 1.

    Returns:
        `threshold`, `answered` and `accuracy`, among the answered ones: None if there are none.
    """
    answered = probabilities.max(axis=1) >= threshold
    correct = (probabilities.argmax(axis=1) == labels)[answered]
    return {
        "threshold": threshold,
        "answered": float(answered.mean()),
        "accuracy": float(correct.mean()) if len(correct) else None,
    }


def sets_report(
    probabilities: NDArray[np.floating], labels: NDArray[np.int64], coverage: float, bar: float
) -> dict[str, float]:
    """How the sets of the labels that reach a bar keep the coverage that was asked for.

    Args:
        probabilities: (texts, classes).
        labels: Class indices, (texts,).
        coverage: What was asked for.
        bar: The least probability of a label in a set.

    Returns:
        `asked`; `coverage`, the share of the sets with the true label; `mean_size`, labels a set;
        `empty`, the share of the sets without any.
    """
    sizes = (probabilities >= bar).sum(axis=1)
    return {
        "asked": coverage,
        "coverage": float((probabilities[np.arange(len(labels)), labels] >= bar).mean()),
        "mean_size": float(sizes.mean()),
        "empty": float((sizes == 0).mean()),
    }


def full_report(
    probabilities: NDArray[np.floating], labels: NDArray[np.int64], classes: Sequence[Label]
) -> dict[str, Any]:
    """`summarize`, and the per-class figures and the confusion matrix (rows: the true class)."""
    predicted = probabilities.argmax(axis=1)
    indices = list(range(len(classes)))
    columns = precision_recall_fscore_support(labels, predicted, labels=indices, zero_division=0)
    per_class = {
        str(label): {
            "precision": float(precision),
            "recall": float(recall),
            "f1": float(f1),
            "support": int(support),
        }
        for label, precision, recall, f1, support in zip(classes, *columns, strict=True)
    }
    matrix = confusion_matrix(labels, predicted, labels=indices)
    return {
        **summarize(probabilities, labels),
        "per_class": per_class,
        "confusion": {"labels": list(classes), "matrix": matrix.tolist()},
        "examples": len(labels),
    }


def _cross_entropy(probabilities: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    true = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(true, np.finfo(np.float32).tiny)).mean())
