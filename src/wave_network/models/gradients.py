"""Closed-form gradients of the operations that follow the waves, in NumPy."""

from __future__ import annotations

from math import pi, sqrt

import numpy as np

from wave_network.config import Operation
from wave_network.models.numpy_ops import (
    Floats,
    Integers,
    Wave,
    log_sigmoid,
    log_softmax,
    log_sum_exp,
)


def gelu_and_slope(values: Floats) -> tuple[Floats, Floats]:
    """Compute GELU (tanh approximation) and its derivative."""
    square = values * values
    inner = square * np.float32(0.044715 * sqrt(2 / pi))
    inner += np.float32(sqrt(2 / pi))
    square *= np.float32(3 * 0.044715 * sqrt(2 / pi))
    square += np.float32(sqrt(2 / pi))  # the slope of `inner * values`
    inner *= values
    tanh = np.tanh(inner, out=inner)
    half = tanh * np.float32(0.5)
    half += np.float32(0.5)
    result = values * half
    tanh *= tanh
    np.subtract(1, tanh, out=tanh)
    square *= tanh
    square *= values
    square *= np.float32(0.5)
    square += half
    return result, square


def layer_norm_gradient(values: Floats, weight: Floats, gradient: Floats) -> Floats:
    """Backpropagate through LayerNorm: from the gradient at its output to that at its input."""
    share = np.float32(1 / values.shape[-1])
    centered = values - np.add.reduce(values, axis=-1, keepdims=True) * share
    variance = np.add.reduce(centered * centered, axis=-1, keepdims=True) * share
    scale = 1 / np.sqrt(variance + np.float32(1e-5))
    normed = centered * scale
    scaled = gradient * weight
    mean = np.add.reduce(scaled, axis=-1, keepdims=True) * share
    along = np.add.reduce(scaled * normed, axis=-1, keepdims=True) * share
    result: Floats = (scaled - mean - normed * along) * scale
    return result


def mean_of_members_gradient(
    logits: Floats, gradient: Floats, *, multi_label: bool = False
) -> Floats:
    """Backpropagate through `mean_of_members`: from its output to the members' logits.

    Args:
        logits: (members, texts, labels).
        gradient: (texts, labels).
        multi_label: As for `mean_of_members`.
    """
    result: Floats
    if len(logits) == 1:
        return gradient[None]
    if multi_label:
        having, lacking = log_sigmoid(logits), log_sigmoid(-logits)
        result = np.exp(having - np.logaddexp.reduce(having, axis=0) + lacking)
        result += np.exp(lacking - np.logaddexp.reduce(lacking, axis=0) + having)
        return result * gradient
    each = log_softmax(logits)
    responsible = np.exp(each - np.logaddexp.reduce(each, axis=0)) * gradient
    result = responsible - np.exp(each) * responsible.sum(axis=2, keepdims=True)
    return result


def log_odds(logits: Floats, labels: Integers, *, multi_label: bool = False) -> Floats:
    """Compute log(p / (1 - p)) of each text's given label, (texts,)."""
    result: Floats = logits[np.arange(len(logits)), labels]
    if not multi_label:
        result = result - log_sum_exp(_others(logits, labels))[:, 0]
    return result


def log_odds_gradient(logits: Floats, labels: Integers, *, multi_label: bool = False) -> Floats:
    """Compute the gradient of `log_odds` with respect to the logits, (texts, labels)."""
    result = np.zeros_like(logits)
    if not multi_label:
        result -= np.exp(log_softmax(_others(logits, labels)))
    result[np.arange(len(logits)), labels] = 1
    return result


def combine_gradient(
    first: Wave, second: Wave, operation: Operation, gradient: Wave
) -> tuple[Floats, Floats]:
    """Backpropagate through `combine` to the imaginary parts of both waves."""
    if operation == "interference":
        return gradient.imag, gradient.imag
    at_first: Floats = second.real * gradient.imag - second.imag * gradient.real
    at_second: Floats = first.real * gradient.imag - first.imag * gradient.real
    return at_first, at_second


def _others(logits: Floats, labels: Integers) -> Floats:
    """Return the logits with each text's given label set to minus infinity."""
    others: Floats = logits.copy()
    others[np.arange(len(logits)), labels] = -np.inf
    return others
