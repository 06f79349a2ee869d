"""Explain a prediction by the share of each token, with integrated gradients.

Explained is the log-odds of a label, log p / (1 - p), as it changes from that of an empty text
(`[CLS]` alone). The networks' features are sums over tokens, or roots of such sums. The gradients
are integrated along the straight line from the features of an empty text to those of the text
(Sundararajan et al., 2017), by Gauss-Legendre steps through the small head alone; each feature's
part is then distributed among the tokens in proportion to the summands. So the parts add up to the
change of the log-odds, and cost little more than a prediction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wave_network.models.family import LogitsGradient, NumpyNetwork, TextFeatures
from wave_network.models.gradients import log_odds, log_odds_gradient
from wave_network.models.numpy_ops import Floats, Integers, packed_energy_shares, sigmoid
from wave_network.models.registry import family_of

_Slope: TypeAlias = Callable[..., Floats]
"""`log_odds_gradient` of a kind of model."""

_STEPS: Final = 8
_MOST_STEPS: Final = 256
_TOLERANCE: Final = 1e-3  # of the change to explain, or of 1 if that is more


@dataclass(frozen=True)
class Attributions:
    """The explanations of packed texts as arrays.

    Attributes:
        labels: The index of the label that is explained, (texts,).
        scores: Its probability, (texts,).
        log_odds: And its log-odds, (texts,).
        baseline: Those of an empty text, (texts,).
        tokens: Each token's attribution, (tokens,); 0 for `[CLS]`.
    """

    labels: Integers
    scores: Floats
    log_odds: Floats
    baseline: Floats
    tokens: Floats


class _Calibrated:
    """`TextFeatures` whose logits are divided by a temperature."""

    def __init__(self, texts: TextFeatures, temperature: float) -> None:
        self.features, self.empty = texts.features, texts.empty
        self._texts, self._temperature = texts, temperature

    def logits(self, features: Floats) -> Floats:
        return self._texts.logits(features) / self._temperature

    def to_tokens(self, gradients: Floats) -> Floats:
        return self._texts.to_tokens(gradients)

    def gradient(self, features: Floats, at_logits: LogitsGradient) -> Floats:
        temperature = self._temperature
        return self._texts.gradient(
            features, lambda logits: at_logits(logits / temperature) / temperature
        )


def attribute(
    network: NumpyNetwork,
    ids: Integers,
    offsets: Integers,
    sentence_offsets: Integers | None = None,
    label: int | Integers | None = None,
    temperature: float = 1.0,
) -> Attributions:
    """Attribute the answers for packed texts to their tokens.

    Args:
        network: The network.
        ids: As for `NumpyNetwork.logits`, like the offsets.
        offsets: Likewise.
        sentence_offsets: Likewise.
        label: The index of the label to explain, of all texts or of each, (texts,); None: the most
            probable one of each text.
        temperature: What the network's logits are divided by.

    Raises:
        ConfigError: If the network has several layers or pools otherwise than at `[CLS]`.
    """
    features_of = family_of(network.config).text_features
    texts = _Calibrated(features_of(network, ids, offsets, sentence_offsets), temperature)
    logits = texts.logits(texts.features)
    if label is None:
        labels = logits.argmax(axis=1)
    else:
        labels = np.broadcast_to(np.asarray(label), len(logits))
    multi_label = network.config.is_multi_label
    reached = log_odds(logits, labels, multi_label=multi_label)
    empty = np.repeat(texts.logits(texts.empty), len(logits), axis=0)
    baseline = log_odds(empty, labels, multi_label=multi_label)
    slope = partial(log_odds_gradient, multi_label=multi_label)
    return Attributions(
        labels=labels,
        scores=sigmoid(reached),
        log_odds=reached,
        baseline=baseline,
        tokens=texts.to_tokens(_mean_gradients(texts, slope, labels, reached - baseline)),
    )


def token_energies(network: NumpyNetwork, ids: Integers, offsets: Integers) -> Floats:
    """The share of each token in its text's energy: the mean over both variants' dimensions."""
    result: Floats = packed_energy_shares(network.variants(ids, offsets), offsets).mean(axis=1)
    return result


def _mean_gradients(texts: TextFeatures, slope: _Slope, labels: Integers, change: Floats) -> Floats:
    """The gradients of the log-odds averaged along the way, (members, texts, features)."""
    way = texts.features - texts.empty
    means = _mean_gradient(texts, slope, way, labels, _STEPS)
    steps = _STEPS
    while steps < _MOST_STEPS:
        error = np.abs((means * way).sum(axis=(0, 2)) - change)
        (left,) = np.nonzero(error > _TOLERANCE * np.maximum(1, np.abs(change)))
        if not len(left):
            break
        steps *= 2
        means[:, left] = _mean_gradient(texts, slope, way[:, left], labels[left], steps)
    return means


def _mean_gradient(
    texts: TextFeatures, slope: _Slope, way: Floats, labels: Integers, steps: int
) -> Floats:
    places, weights = _gauss_legendre(steps)
    points = texts.empty[:, None] + places[:, None, None] * way[:, None]
    members, count, features = way.shape  # points: (members, steps, texts, features)
    gradients = texts.gradient(
        points.reshape(members, steps * count, features),
        partial(slope, labels=np.tile(labels, steps)),
    )
    along = gradients.reshape(members, steps, count * features)
    result: Floats = (weights @ along).reshape(way.shape)
    return result


@cache
def _gauss_legendre(steps: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Places between 0 and 1, and their weights, which add up to 1."""
    places, weights = np.polynomial.legendre.leggauss(steps)
    return ((places + 1) / 2).astype(np.float32), (weights / 2).astype(np.float32)
