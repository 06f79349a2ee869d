"""Find labels that are probably wrong by confident learning (Northcutt et al., 2021)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class LabelErrors(NamedTuple):
    """Texts with a doubtful label, the most doubtful first.

    Attributes:
        texts: Their indices, (doubtful,).
        suggested: The probable class of each, (doubtful,).
    """

    texts: NDArray[np.int64]
    suggested: NDArray[np.int64]


def find_label_errors(
    probabilities: NDArray[np.floating], labels: NDArray[np.int64]
) -> LabelErrors:
    """Find the texts off the diagonal of the confident joint.

    A class's threshold is its mean probability on the texts with its label, so a class that the
    model is never sure of has a lower one. A text's suggested class is the most probable one that
    reaches its threshold; if that is not the label, the label is doubtful. The order is by how much
    more probable the suggested class is than the label.

    Args:
        probabilities: (texts, classes), of a model that was **not** trained on these texts: a
            model learns the labels of its training texts, wrong ones too.
        labels: Class indices in the data, (texts,).
    """
    exact = probabilities.astype(np.float64)
    classes = exact.shape[1]
    counts = np.bincount(labels, minlength=classes)
    given = exact[np.arange(len(labels)), labels]
    sums = np.bincount(labels, given, classes)
    # A class without labelled texts has no threshold, so no text can count for it.
    thresholds = np.divide(sums, counts, out=np.full(classes, np.inf), where=counts > 0)
    # Rounding may put a mean slightly above values that all equal it.
    confident = np.where(exact >= thresholds - 1e-12, exact, -1.0)
    suggested = confident.argmax(axis=1)
    doubtful = np.flatnonzero((confident.max(axis=1) >= 0) & (suggested != labels))
    margins = exact[doubtful, suggested[doubtful]] - given[doubtful]
    order = doubtful[np.argsort(-margins, kind="stable")]
    return LabelErrors(texts=order, suggested=suggested[order])


class MultiLabelErrors(NamedTuple):
    """Doubtful labels of texts, given or missing, the most doubtful first.

    Attributes:
        texts: The texts' indices, (doubtful,).
        labels: The labels' indices, (doubtful,).
    """

    texts: NDArray[np.int64]
    labels: NDArray[np.int64]


def find_multi_label_errors(
    probabilities: NDArray[np.floating], truth: NDArray[np.bool_]
) -> MultiLabelErrors:
    """Apply `find_label_errors` to each label separately: a text has it or not.

    The order is by the distance of the probability from the data.

    Args:
        probabilities: The probability of each label, (texts, labels), as for `find_label_errors`.
        truth: Whether a text has a label, (texts, labels).
    """
    doubtful = np.zeros(truth.shape, np.bool_)
    for label, having in enumerate(probabilities.T):
        sides = np.column_stack([1 - having, having])  # (texts, 2)
        found = find_label_errors(sides, truth[:, label].astype(np.int64))
        doubtful[found.texts, label] = True
    return MultiLabelErrors(*furthest_first(probabilities, truth, doubtful))


def furthest_first(
    probabilities: NDArray[np.floating], truth: NDArray[np.bool_], chosen: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sort chosen labels of texts, those with the probability furthest from the data first.

    Args:
        probabilities: The probability of each label, (texts, labels).
        truth: Whether a text has a label, (texts, labels).
        chosen: Which labels to sort, (texts, labels).

    Returns:
        The indices of the texts and of the labels.
    """
    texts, labels = np.nonzero(chosen)
    order = np.argsort(-np.abs(truth - probabilities)[texts, labels], kind="stable")
    return texts[order], labels[order]
