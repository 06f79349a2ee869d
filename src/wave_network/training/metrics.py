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


def summarize(probabilities: NDArray[np.floating], labels: NDArray[np.int64]) -> dict[str, float]:
    """Accuracy, macro F1 and mean cross-entropy.

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
