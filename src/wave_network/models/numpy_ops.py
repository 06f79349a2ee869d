"""The wave operations on packed NumPy arrays, forward only; `ops/real.py` has them in torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import pi, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.config import Operation
from wave_network.errors import ModelFolderError

Floats = NDArray[np.float32]
Integers = NDArray[np.integer]


class Wave(NamedTuple):
    """A complex wave as two real arrays of one shape."""

    real: Floats
    imag: Floats


def represent(embeddings: Floats, offsets: Integers) -> Wave:
    """Compute the wave `Z_j = w_j + i C_j` of every token; both (tokens, hidden)."""
    lengths = np.diff(offsets)
    energy = np.square(embeddings)
    total = np.repeat(np.add.reduceat(energy, offsets[:-1]), lengths, axis=0)
    # At most one token outweighs all others of its text; its context is summed without it.
    dominant = energy > total - energy
    rest = np.add.reduceat(np.where(dominant, 0, energy), offsets[:-1])
    context = np.where(dominant, np.repeat(rest, lengths, axis=0), total - energy)
    return Wave(embeddings, np.sqrt(context))


def represent_first(embeddings: Floats, offsets: Integers) -> Wave:
    """As `represent`, but for the first token of each text only; (texts, hidden)."""
    first = embeddings[offsets[:-1]]
    energy = np.square(embeddings)
    energy[offsets[:-1]] = 0
    return Wave(first, np.sqrt(np.add.reduceat(energy, offsets[:-1])))


def combine(first: Wave, second: Wave, operation: Operation) -> Wave:
    """Combine two waves by interference, `Z + Z'`, or modulation, `Z Z'`."""
    if operation == "interference":
        return Wave(first.real + second.real, first.imag + second.imag)
    return Wave(
        first.real * second.real - first.imag * second.imag,
        first.real * second.imag + second.real * first.imag,
    )


def magnitude(wave: Wave) -> Floats:
    """Compute the magnitude of a wave."""
    result: Floats = np.hypot(wave.real, wave.imag)
    return result


def phase(wave: Wave) -> Floats:
    """Compute the phase of a wave, in [0, pi] after `represent`; 0 where the wave is 0."""
    result: Floats = np.arctan2(wave.imag, wave.real + np.float32(0))  # -0.0 becomes 0.0
    return result


def interference_term(first: Wave, second: Wave) -> Floats:
    """Compute the interference term, `2 G G' cos(alpha - alpha')` (paper 1, Eq. 5)."""
    result: Floats = 2 * (first.real * second.real + first.imag * second.imag)
    return result


def packed_energy_shares(variants: Floats, offsets: Integers) -> Floats:
    """Compute each token's share of its text's energy, `u^2 / G^2`; 0 where G is 0.

    Args:
        variants: (tokens, dimensions).
        offsets: (texts + 1,).
    """
    energy = np.square(variants)
    total = np.repeat(np.add.reduceat(energy, offsets[:-1]), np.diff(offsets), axis=0)
    result: Floats = np.divide(energy, total, out=np.zeros_like(energy), where=total > 0)
    return result


def gelu(values: Floats) -> Floats:
    """Compute GELU (tanh approximation), as in training."""
    inner = values * values  # multiplying is ten times as fast as `values**3`
    inner *= np.float32(0.044715)
    inner += 1
    inner *= values
    inner *= np.float32(sqrt(2 / pi))
    np.tanh(inner, out=inner)
    inner += 1
    inner *= values
    inner *= np.float32(0.5)
    return inner


def layer_norm(values: Floats, weight: Floats, bias: Floats) -> Floats:
    """Apply LayerNorm over the last axis with torch's epsilon, 1e-5."""
    share = np.float32(1 / values.shape[-1])
    centered = values - np.add.reduce(values, axis=-1, keepdims=True) * share
    variance = np.add.reduce(np.square(centered), axis=-1, keepdims=True) * share
    result: Floats = centered / np.sqrt(variance + np.float32(1e-5)) * weight + bias
    return result


def softmax(logits: Floats) -> Floats:
    """Compute probabilities over the last axis."""
    result: Floats = np.exp(logits - np.maximum.reduce(logits, axis=1, keepdims=True))
    result /= np.add.reduce(result, axis=1, keepdims=True)
    return result


def sigmoid(logits: Floats) -> Floats:
    """Compute the independent probability of each label."""
    result: Floats = np.exp(log_sigmoid(logits))  # no overflow, unlike 1 / (1 + exp(-x))
    return result


def log_sigmoid(logits: Floats) -> Floats:
    """Compute the logarithm of `sigmoid`."""
    result: Floats = -np.logaddexp(np.float32(0), -logits)
    return result


def given_labels(
    probabilities: NDArray[np.floating], thresholds: Sequence[float] | None = None
) -> NDArray[np.bool_]:
    """Return which labels reach their thresholds (None: 0.5); bool, (texts, labels)."""
    result: NDArray[np.bool_] = probabilities >= np.asarray(thresholds or 0.5)
    return result


def log_softmax(logits: Floats) -> Floats:
    """Compute log probabilities over the last axis."""
    result: Floats = logits - log_sum_exp(logits)
    return result


def mean_of_members(logits: Floats, *, multi_label: bool) -> Floats:
    """Return the logits whose probabilities are the mean of the members' probabilities.

    Args:
        logits: (members, texts, labels).
        multi_label: Whether each label has an independent probability.

    Returns:
        (texts, labels).
    """
    result: Floats
    if len(logits) == 1:
        result = logits[0]
    elif multi_label:
        having, lacking = (np.logaddexp.reduce(log_sigmoid(x), axis=0) for x in (logits, -logits))
        result = having - lacking
    else:
        result = np.logaddexp.reduce(log_softmax(logits), axis=0)
        result -= np.float32(np.log(len(logits)))
    return result


@contextmanager
def finite_expected() -> Iterator[None]:
    """Let arithmetic overflow without a warning, because `check_finite` follows."""
    with np.errstate(all="ignore"):
        yield


def check_finite(*answers: NDArray[np.floating]) -> None:
    """Check what a model has computed.

    Raises:
        ModelFolderError: If one of the numbers is not finite.
    """
    if not all(np.isfinite(values).all() for values in answers):
        raise ModelFolderError(
            "the model's answers are not finite: it is damaged, or its training diverged (lower"
            " the learning rate)"
        )


def log_sum_exp(values: Floats) -> Floats:
    """Compute log-sum-exp over the last axis, kept with length 1."""
    highest = values.max(axis=-1, keepdims=True)
    result: Floats = highest + np.log(np.exp(values - highest).sum(axis=-1, keepdims=True))
    return result
