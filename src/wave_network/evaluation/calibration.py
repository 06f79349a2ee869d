"""Calibration of probabilities: temperature scaling, ECE and Brier score."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.data.targets import Targets, soft_targets
from wave_network.numerics.minimize import minimize

ECE_BINS: Final = 15
_LARGEST_TEMPERATURE: Final = 100.0
_VALUES_AT_ONCE: Final = 1_000_000  # bounds the memory with many classes
_SPREAD: Final = 0.5  # of the logarithm: 95 % of the prior lies between 0.4 and 2.7


def fit_temperature(logits: NDArray[np.floating], targets: Targets) -> float:
    """Fit the temperature T with the highest likelihood of the labels under `softmax(logits / T)`.

    One temperature serves all texts and classes, so the order of the classes never changes (Guo et
    al. 2017, "On Calibration of Modern Neural Networks"). Two regularisers matter with few texts
    only: a log-normal prior around 1 with a deviation of 0.5; and smoothed targets, as in Platt
    scaling, that give the other classes together 1 / (n + 2), so that n correct predictions do not
    lead to probabilities of 1.

    Args:
        logits: (texts, classes).
        targets: Class indices, (texts,), or a probability of each class, (texts, classes).

    Returns:
        A number between 0.01 and 100; above 1 for an overconfident model.
    """
    texts, classes = logits.shape
    rows = max(1, _VALUES_AT_ONCE // classes)
    blocks = [slice(start, start + rows) for start in range(0, texts, rows)]
    target = 0.0
    for block in blocks:
        truth = soft_targets(targets[block], classes).astype(np.float64)
        truth += ((1 - truth) / (classes - 1) - truth) / (texts + 2)
        target += float((truth * logits[block]).sum()) / texts

    def loss(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """The negative log-posterior of a log temperature over the texts, and its gradient."""
        scale, slope = float(np.exp(-point[0])), -target
        value = point[0] ** 2 / (2 * _SPREAD**2 * texts) - scale * target
        for block in blocks:
            wide = logits[block].astype(np.float64)
            totals, shares = log_sums(scale * wide)
            value += float(totals.sum()) / texts
            slope += float((shares * wide).sum()) / texts
        return value, point / (_SPREAD**2 * texts) - scale * slope

    limit = np.log(_LARGEST_TEMPERATURE)
    return float(np.exp(minimize(loss, np.zeros(1), -limit, limit)[0]))


def log_sums(
    logits: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the log of the sum of exponentials of each row, (rows, 1), and the row's softmax."""
    highest = logits.max(axis=1, keepdims=True)
    shares = np.exp(logits - highest)
    sums = shares.sum(axis=1, keepdims=True)
    shares /= sums
    return highest + np.log(sums), shares


def fit_multi_label_temperature(logits: NDArray[np.floating], targets: Targets) -> float:
    """Fit the temperature as `fit_temperature`, for `sigmoid(logits / T)` of each label.

    Args:
        logits: (texts, labels).
        targets: 1 where a text has a label, else 0, (texts, labels).
    """
    # A sigmoid is the softmax of the logit and 0.
    return fit_temperature(
        pairs_of(np.zeros_like(logits), logits), targets.ravel().astype(np.int64)
    )


def pairs_of(without: NDArray[np.floating], having: NDArray[np.floating]) -> NDArray[np.floating]:
    """Stack both sides of each label's decision as two classes, (texts * labels, 2)."""
    return np.stack([without.ravel(), having.ravel()], axis=1)


def expected_calibration_error(
    probabilities: NDArray[np.floating], labels: NDArray[np.int64]
) -> float:
    """Compute the expected calibration error (Guo et al. 2017).

    The predictions are sorted by probability into 15 bins of equal width. The error is the mean
    difference between a bin's mean probability and its accuracy, weighted by its number of texts.
    With few texts it is above 0 even for perfect probabilities, by chance.

    Args:
        probabilities: (texts, classes).
        labels: Class indices, (texts,).
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    if np.isnan(confidence).any():  # training diverged
        return float("nan")
    correct = probabilities.argmax(axis=1) == labels
    bins = np.clip(np.ceil(confidence * ECE_BINS).astype(np.int64) - 1, 0, ECE_BINS - 1)
    return float(np.abs(np.bincount(bins, confidence - correct)).sum() / len(labels))


def brier_score(probabilities: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """Compute the Brier score: the mean squared distance from the label, over all classes, 0 to 2.

    Args:
        probabilities: (texts, classes).
        labels: Class indices, (texts,).
    """
    true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    squares = np.einsum("tc,tc->t", probabilities, probabilities, dtype=np.float64)
    return float(np.mean(squares - 2 * true + 1))
