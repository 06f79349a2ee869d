"""Why a text got its answer: the share of each of its tokens, by integrated gradients.

What is explained is the log-odds of a label, log p / (1 - p), as it grows from that of an empty
text (`[CLS]` alone). Both networks read features that are sums over tokens, or roots of such sums.
Along the straight line between the features of an empty text and those of the text, the gradients
are integrated (Sundararajan et al., 2017) by Gauss-Legendre steps through the small reader alone;
then each feature's part is given to tokens in proportion to the sum's terms. So the parts add up to
the change in the log-odds, and cost little more than a prediction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wave_network.models.functional import Floats, Integers, packed_energy_shares, sigmoid
from wave_network.models.gradients import log_odds, log_odds_gradient
from wave_network.models.local_wave.attribution import LocalFeatures
from wave_network.models.local_wave.numpy_network import LocalNetwork
from wave_network.models.wave.attribution import WaveFeatures
from wave_network.models.wave.numpy_network import Network

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


class _Features(Protocol):
    """`LocalFeatures` or `WaveFeatures`."""

    features: Floats
    empty: Floats

    def logits(self, features: Floats) -> Floats: ...

    def gradient(self, features: Floats, at_logits: Any) -> Floats: ...  # noqa: ANN401

    def spread(self, slopes: Floats) -> Floats: ...


class _Calibrated:
    """Features whose logits are divided by a temperature."""

    def __init__(self, texts: _Features, temperature: float) -> None:
        self.features, self.empty, self.spread = texts.features, texts.empty, texts.spread
        self._texts, self._temperature = texts, temperature

    def logits(self, features: Floats) -> Floats:
        return self._texts.logits(features) / self._temperature

    def gradient(self, features: Floats, at_logits: Callable[[Floats], Floats]) -> Floats:
        temperature = self._temperature
        return self._texts.gradient(
            features, lambda logits: at_logits(logits / temperature) / temperature
        )


def attribute(
    network: Network | LocalNetwork,
    ids: Integers,
    offsets: Integers,
    sentence_offsets: Integers | None = None,
    label: int | Integers | None = None,
    temperature: float = 1.0,
) -> Attributions:
    """Attribute the answers for packed texts to their tokens.

    Args:
        network: The network.
        ids: As for `Network.logits`, like the offsets.
        offsets: Likewise.
        sentence_offsets: Likewise.
        label: The index of the label to explain, of all texts or of each, (texts,); None: the most
            probable one of each text.
        temperature: What the network's logits are divided by.

    Raises:
        ConfigError: If the network has several layers or pools otherwise than at `[CLS]`.
    """
    texts: _Features
    if isinstance(network, LocalNetwork):
        texts = LocalFeatures(network, ids, offsets)
    else:
        texts = WaveFeatures(network, ids, offsets, sentence_offsets)
    texts = _Calibrated(texts, temperature)
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
        tokens=texts.spread(_mean_gradients(texts, slope, labels, reached - baseline)),
    )


def token_energies(network: Network | LocalNetwork, ids: Integers, offsets: Integers) -> Floats:
    """The share of each token in its text's energy: the mean over both variants' dimensions."""
    result: Floats = packed_energy_shares(network.variants(ids, offsets), offsets).mean(axis=1)
    return result


def _mean_gradients(texts: _Features, slope: _Slope, labels: Integers, change: Floats) -> Floats:
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
    texts: _Features, slope: _Slope, way: Floats, labels: Integers, steps: int
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
