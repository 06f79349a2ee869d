"""Whether probabilities mean what they say: two measures, and the temperature that helps."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from wave_network.data.targets import Targets, soft_targets

ECE_BINS: Final = 15
_LARGEST_TEMPERATURE: Final = 100.0
_VALUES_AT_ONCE: Final = 1_000_000  # of ten thousand classes all at once would fill the memory
_SPREAD: Final = 0.5  # of the logarithm: 19 of 20 temperatures are expected from 0.4 to 2.7


def fit_temperature(logits: NDArray[np.floating], targets: Targets) -> float:
    """The temperature T for which `softmax(logits / T)` gives the labels the highest likelihood.

    It is one number for all texts and classes, so that the order of the classes never changes (Guo
    et al. 2017, "On Calibration of Modern Neural Networks"). Two things keep it sober, and count
    for next to nothing once there are some hundred texts with a few errors among them: a prior that
    temperatures are around 1 (the logarithm normal with a deviation of 0.5), as ten texts tell
    little; and, as in Platt's scaling, targets that leave the other classes together one text in
    n + 2, as n right answers are no reason for probabilities of 1.

    Args:
        logits: (texts, classes).
        targets: Class indices, (texts,), or a probability of each class, (texts, classes).

    Returns:
        A number between 0.01 and 100; above 1 where the model was too sure of itself.
    """
    texts, classes = logits.shape
    rows = max(1, _VALUES_AT_ONCE // classes)
    blocks = [slice(start, start + rows) for start in range(0, texts, rows)]
    target = 0.0
    for block in blocks:
        truth = soft_targets(targets[block], classes).astype(np.float64)
        truth += ((1 - truth) / (classes - 1) - truth) / (texts + 2)
        target += float((truth * logits[block]).sum()) / texts

    def loss(log_temperature: float) -> float:
        scaled = np.exp(-log_temperature)
        prior = (log_temperature / _SPREAD) ** 2 / (2 * texts)
        total = sum(
            float(logsumexp(scaled * logits[block].astype(np.float64), axis=1).sum())
            for block in blocks
        )
        return float(total / texts - scaled * target + prior)

    limit = np.log(_LARGEST_TEMPERATURE)
    return float(np.exp(minimize_scalar(loss, bounds=(-limit, limit), method="bounded").x))


def fit_multi_label_temperature(logits: NDArray[np.floating], targets: Targets) -> float:
    """As `fit_temperature`, for `sigmoid(logits / T)`, over each label of each text.

    Args:
        logits: (texts, labels).
        targets: 1 where a text has a label, else 0, (texts, labels).
    """
    # A sigmoid is the softmax of the logit and 0.
    return fit_temperature(
        pairs_of(np.zeros_like(logits), logits), targets.ravel().astype(np.int64)
    )


def pairs_of(without: NDArray[np.floating], having: NDArray[np.floating]) -> NDArray[np.floating]:
    """The two sides of each label's decision as two classes, (texts * labels, 2)."""
    return np.stack([without.ravel(), having.ravel()], axis=1)


def expected_calibration_error(
    probabilities: NDArray[np.floating], labels: NDArray[np.int64]
) -> float:
    """How far the answers' probabilities are from the share of them that is right.

    The answers' probabilities fall into 15 bins of equal width; the error is the mean of the bins'
    differences between mean probability and accuracy, weighted by their texts (Guo et al. 2017). Of
    few texts it is above 0 even where every probability is right: chance alone makes a difference
    in each bin.

    Args:
        probabilities: (texts, classes).
        labels: Class indices, (texts,).
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    if np.isnan(confidence).any():  # a training that diverged is told by its metrics
        return float("nan")
    correct = probabilities.argmax(axis=1) == labels
    bins = np.clip(np.ceil(confidence * ECE_BINS).astype(np.int64) - 1, 0, ECE_BINS - 1)
    return float(np.abs(np.bincount(bins, confidence - correct)).sum() / len(labels))


def brier_score(probabilities: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """The squared distance of the probabilities from the truth, summed over the classes: 0 to 2.

    Args:
        probabilities: (texts, classes).
        labels: Class indices, (texts,).
    """
    true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    squares = np.einsum("tc,tc->t", probabilities, probabilities, dtype=np.float64)
    return float(np.mean(squares - 2 * true + 1))
