"""Attribute a prediction to its tokens with integrated gradients (Sundararajan et al., 2017).

The output explained is the log-odds of a label, log p / (1 - p). The baseline is an empty text,
`[CLS]` alone, or fastText's end of the line. The networks' features are sums over tokens, or square
roots of such sums, so the work is done in two steps:

1. Integrate the gradient along the straight line from the baseline's features to the text's, by
   Gauss-Legendre quadrature. Only the small heads are evaluated.
2. Distribute each feature's attribution among the tokens in proportion to their summands.

The attributions add up to the change of the log-odds and cost little more than a prediction.
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

_LogOddsGradient: TypeAlias = Callable[..., Floats]
"""`log_odds_gradient` with `multi_label` already given."""

_STEPS: Final = 8
_MOST_STEPS: Final = 256
_TOLERANCE: Final = 1e-3  # relative to max(1, the change of the log-odds)


@dataclass(frozen=True)
class Attributions:
    """Attributions of packed texts, as arrays.

    Attributes:
        labels: Index of the explained label, (texts,).
        scores: Probability of that label, (texts,).
        log_odds: Log-odds of that label, (texts,).
        baseline: Log-odds of that label for an empty text, (texts,).
        tokens: Each token's attribution, (tokens,); 0 for `[CLS]`.
    """

    labels: Integers
    scores: Floats
    log_odds: Floats
    baseline: Floats
    tokens: Floats


class _TemperatureScaled:
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
    empty_ids: Integers | None = None,
) -> Attributions:
    """Attribute the predictions for packed texts to their tokens.

    Args:
        network: The network.
        ids: Token ids, (tokens,).
        offsets: Offsets of the texts, (texts + 1,), no text empty.
        sentence_offsets: Offsets of the sentences, as for `NumpyNetwork.logits`.
        label: Index of the label to explain: one for all texts, or one per text, (texts,). None
            explains the most probable label of each text.
        temperature: Divisor of the network's logits (temperature scaling).
        empty_ids: Ids of an empty text, (tokens,); None: the first id, `[CLS]`.

    Raises:
        ConfigError: If the network has several layers, or a pooling other than `[CLS]`, or is of
            fastText and has a single label.
    """
    config = network.config
    features_of = family_of(config).text_features
    empty_ids = ids[:1] if empty_ids is None else empty_ids
    features = features_of(network, ids, offsets, sentence_offsets, empty_ids)
    texts = _TemperatureScaled(features, temperature)
    logits = texts.logits(texts.features)
    # fastText rounds its probabilities, so the highest logit may share the highest of them.
    rounded = network.logits(ids, offsets) if config.gives_probabilities else None
    if label is None:
        labels = (logits if rounded is None else rounded).argmax(axis=1)
    else:
        labels = np.broadcast_to(np.asarray(label), len(logits))
    multi_label = config.labels_are_independent
    reached = log_odds(logits, labels, multi_label=multi_label)
    empty = np.repeat(texts.logits(texts.empty), len(logits), axis=0)
    baseline = log_odds(empty, labels, multi_label=multi_label)
    gradient = partial(log_odds_gradient, multi_label=multi_label)
    return Attributions(
        labels=labels,
        scores=sigmoid(reached) if rounded is None else rounded[np.arange(len(labels)), labels],
        log_odds=reached,
        baseline=baseline,
        tokens=texts.to_tokens(_mean_gradients(texts, gradient, labels, reached - baseline)),
    )


def token_energies(network: NumpyNetwork, ids: Integers, offsets: Integers) -> Floats:
    """Compute each token's share of its text's energy, averaged over the dimensions of u and v."""
    result: Floats = packed_energy_shares(network.variants(ids, offsets), offsets).mean(axis=1)
    return result


def _mean_gradients(
    texts: TextFeatures, gradient: _LogOddsGradient, labels: Integers, change: Floats
) -> Floats:
    """Average the gradients of the log-odds along the path, (members, texts, features).

    The steps double until each text's attributions add up to the change of its log-odds.
    """
    path = texts.features - texts.empty
    means = _mean_gradient(texts, gradient, path, labels, _STEPS)
    steps = _STEPS
    while steps < _MOST_STEPS:
        error = np.abs((means * path).sum(axis=(0, 2)) - change)
        (left,) = np.nonzero(error > _TOLERANCE * np.maximum(1, np.abs(change)))
        if not len(left):
            break
        steps *= 2
        means[:, left] = _mean_gradient(texts, gradient, path[:, left], labels[left], steps)
    return means


def _mean_gradient(
    texts: TextFeatures, gradient: _LogOddsGradient, path: Floats, labels: Integers, steps: int
) -> Floats:
    nodes, weights = _gauss_legendre(steps)
    points = texts.empty[:, None] + nodes[:, None, None] * path[:, None]
    members, count, features = path.shape  # points: (members, steps, texts, features)
    gradients = texts.gradient(
        points.reshape(members, steps * count, features),
        partial(gradient, labels=np.tile(labels, steps)),
    )
    along = gradients.reshape(members, steps, count * features)
    result: Floats = (weights @ along).reshape(path.shape)
    return result


@cache
def _gauss_legendre(steps: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the nodes of Gauss-Legendre quadrature on [0, 1], and their weights (sum 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    return ((nodes + 1) / 2).astype(np.float32), (weights / 2).astype(np.float32)
