"""The linear part of a local wave network: a support vector machine over its tokens and n-grams.

Gradient descent on waves needs many texts to tell what a word is worth; a convex problem has one
answer however few there are (Joachims, 1998; wide and deep: Cheng et al., 2016). For each label a
feature counts more the more its naive Bayes log-count ratio tells (Wang and Manning, 2012). It is
solved by itself, and what it says is added to what the waves say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_array
from scipy.special import logsumexp

from wave_network.config import ClassifierConfig, LocalWaveConfig
from wave_network.data.batch import PackedTexts, evaluation_batches
from wave_network.data.labels import Labelling, labelling_of
from wave_network.data.targets import Targets, class_totals, is_soft, soft_targets
from wave_network.evaluation.calibration import pairs_of
from wave_network.models.local_wave.network import LinearPart
from wave_network.models.torch_network import ClassifierNetwork
from wave_network.persistence.folder import ModelFiles
from wave_network.training.local_wave.ngram_matrix import column_sums, linear_features
from wave_network.training.local_wave.svm import LABELS_AT_ONCE, one_against_rest
from wave_network.training.stop import StopSignal
from wave_network.training.threads import in_background

_COST: Final = 0.5
MARGIN: Final = 12.0
"""What a margin of 1 is expected to be worth in logits, beside the waves'."""

_CONTINUED_MARGIN: Final = 6.0  # of a model that is trained on: it has a past to keep

_SPREAD: Final = 0.5  # of the logarithms of what waves and margins are expected to be worth
_EVEN_SHARE: Final = 0.5  # of a feature's scale, whatever it tells of the label
_LEAST_SHARE: Final = 0.05  # of a class in a soft target
_ADDED: Final = 1.0  # to frequencies, so that none is 0
_ADDED_WITH_TRIPLES: Final = 2.0  # most of them are rare, and seem to tell more than they do
_MOST_TOKENS: Final = 10_000_000  # more tell little, and time and memory stay bounded


class LinearWeights(NamedTuple):
    """What the linear part of a `LocalWaveNetwork` is made of.

    Attributes:
        tokens: float32, (vocabulary, labels).
        bigrams: float32, (buckets, labels).
        bias: float32, (labels,).
    """

    tokens: NDArray[np.float32]
    bigrams: NDArray[np.float32]
    bias: NDArray[np.float32]

    def times(self, factor: float) -> LinearWeights:
        """All weights times a factor."""
        return LinearWeights(*(weights * np.float32(factor) for weights in self))


@contextmanager
def fitted_beside(
    texts: PackedTexts, config: ClassifierConfig, seed: int, stop: StopSignal | None = None
) -> Iterator[Callable[[], LinearWeights | None]]:
    """Fit a linear part in the background while the body trains the waves.

    Args:
        texts: As for `linear_weights`.
        config: The model's.
        seed: As for `linear_weights`.
        stop: Ends the wait for the weights.

    Yields:
        A function that waits for the weights and returns them; None for a model without a linear
        part, and if a stop was requested meanwhile.
    """
    if not config.has_linear_part:
        yield lambda: None
        return
    assert isinstance(config, LocalWaveConfig)  # no other family has one
    with in_background(partial(linear_weights, texts, config, seed), stop or StopSignal()) as found:
        yield found


def set_linear_part(
    model: ClassifierNetwork, weights: LinearWeights, margin: float = MARGIN
) -> None:
    """Set the linear part of a model whose waves are trained.

    Args:
        model: The model, changed in place.
        weights: Those of margins.
        margin: What a margin is worth in logits.
    """
    _linear_part(model).set(*map(torch.from_numpy, weights.times(margin)))


def fit_linear_part(
    model: ClassifierNetwork,
    weights: LinearWeights,
    validation: PackedTexts,
    waves: NDArray[np.float32],
    labelling: Labelling,
) -> tuple[float, NDArray[np.float32]]:
    """Set the linear part, with the worth of a margin that suits the validation texts best.

    Args:
        model: The model, changed in place.
        weights: Those of margins.
        validation: Labelled texts.
        waves: Their logits by the waves alone, (texts, classes).
        labelling: The model's.

    Returns:
        What a margin is worth, and the logits of the whole model, (texts, classes).
    """
    set_linear_part(model, weights, 1.0)
    # As the network adds them up, so that the same numbers come out.
    margins = (waves + linear_logits(model, validation)) - waves
    assert validation.labels is not None
    margin = margin_weight(waves, margins, validation.labels, labelling)
    set_linear_part(model, weights, margin)
    return margin, waves + linear_logits(model, validation)


@torch.inference_mode()
def linear_logits(model: ClassifierNetwork, texts: PackedTexts) -> NDArray[np.float32]:
    """The logits of the linear part alone, on the CPU, (texts, classes)."""
    linear = _linear_part(model)
    parts = [linear(batch) for batch in evaluation_batches(texts)]
    logits: NDArray[np.float32] = torch.cat(parts).numpy()
    return logits


def continue_linear_part(
    model: ClassifierNetwork,
    weights: LinearWeights,
    texts: PackedTexts,
    base: ModelFiles,
    share: float,
) -> float:
    """Mix the linear part of a model that is trained on with one of the rows at hand.

    A margin is worth what it is expected to be: on texts that the model may have learnt from
    before none can tell.

    Args:
        model: The model, whose linear part is the old one yet; changed in place.
        weights: Those of the rows at hand.
        texts: The rows at hand.
        base: The model as it was.
        share: How many of the texts of old classes are at hand. A class without any keeps what
            there was.

    Returns:
        What a margin is worth.
    """
    linear = _linear_part(model).state_dict()
    unit = _CONTINUED_MARGIN / base.metrics.get("margin_weight", MARGIN)
    old = {name: unit * tensor for name, tensor in linear.items()}
    margin = _CONTINUED_MARGIN
    set_linear_part(model, weights, margin)
    labels, classes = texts.labels, model.config.num_labels
    assert labels is not None
    present = torch.from_numpy(class_totals(labels, classes) > 0)
    kept = torch.where(present, 1 - share, 1.0)  # (labels,)
    kept[base.config.num_labels :] = 0
    with torch.no_grad():
        for name, part in linear.items():
            part.mul_(1 - kept).add_(old[name] * kept)
    return margin


def _linear_part(model: ClassifierNetwork) -> LinearPart:
    part = model.get_submodule("linear")
    assert isinstance(part, LinearPart)
    return part


def linear_weights(texts: PackedTexts, config: LocalWaveConfig, seed: int) -> LinearWeights:
    """Fit the linear part, one label against the others.

    Args:
        texts: The training texts with their labels and weights; of very many, random ones with ten
            million tokens. Of probabilities of classes those from a twentieth on count: a text
            stands for each such class once, with that weight.
        config: The model's, with a linear part.
        seed: Seeds the choice of texts and the solver.
    """
    if texts.weights is not None:  # a weight of 0 is as no text
        texts = texts.select(np.flatnonzero(texts.weights > 0))
    texts = texts.bounded(_MOST_TOKENS, seed)
    features, scales = linear_features(texts, config)
    weights, bias = _solved(features, texts, config, seed)
    weights *= scales[:, None]
    tokens, bigrams = np.split(weights, [config.vocab_size])
    return LinearWeights(tokens, bigrams, bias)


def margin_weight(
    logits: NDArray[np.floating],
    margins: NDArray[np.floating],
    targets: Targets,
    labelling: Labelling,
) -> float:
    """What a margin of 1 is worth in logits, so that both together are likeliest to be right.

    Waves and margins each get a factor, of the highest likelihood on texts that neither learnt
    from; a prior (the logarithms are normal, around 1 and 12) decides where there are few.

    Args:
        logits: The waves', (texts, labels).
        margins: The linear part's, likewise.
        targets: Of the texts.
        labelling: The model's.
    """
    if labelling.multi_label:  # a sigmoid is the softmax of the logit and 0
        nothing = np.zeros_like(logits)
        logits, margins = pairs_of(nothing, logits), pairs_of(nothing, margins)
        having = targets.astype(np.float32)
        targets = pairs_of(1 - having, having).astype(np.float32)
    truth = soft_targets(targets, logits.shape[1]).astype(np.float64)

    def loss(log_factors: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """The unlikelihood, and its slopes."""
        of_waves, of_margins = np.exp(log_factors) * (1, MARGIN)
        both = of_waves * logits + of_margins * margins  # (texts, labels)
        totals = logsumexp(both, axis=1, keepdims=True)
        unlikely = totals.sum() - (truth * both).sum()
        excess = np.exp(both - totals) - truth
        of_both = of_waves * (excess * logits).sum(), of_margins * (excess * margins).sum()
        prior = (log_factors**2).sum() / (2 * _SPREAD**2)
        return float(unlikely + prior), np.array(of_both) + log_factors / _SPREAD**2

    found = minimize(loss, np.zeros(2), jac=True)
    of_waves, of_margins = np.exp(found.x) * (1, MARGIN)
    return float(of_margins / of_waves)


def _solved(
    features: csr_array, texts: PackedTexts, config: LocalWaveConfig, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights, (features, labels), and biases, (labels,); a label that no text has: 0 and -1."""
    weights = np.zeros((features.shape[1], config.num_labels), np.float32)
    bias = np.full(config.num_labels, -1.0, np.float32)
    labels = texts.labels
    assert labels is not None
    text_weights = np.ones(len(texts), np.float32) if texts.weights is None else texts.weights
    multi_label = labelling_of(config).multi_label
    if is_soft(labels) and not multi_label:
        shares = labels
        rows, labels = np.nonzero(shares >= _LEAST_SHARE)
        text_weights = shares[rows, labels] * text_weights[rows]
        features = features[rows]
    added = _ADDED_WITH_TRIPLES if "triple" in config.linear_ngrams else _ADDED
    for told in _told_apart(labels, config):
        having = labels[:, told] > 0.5 if is_soft(labels) else labels[:, None] == told
        scales = _label_scales(features, having, text_weights, added)
        solution = one_against_rest(features, having, scales, _COST * text_weights, seed)
        weights[:, told], bias[told] = solution
    if not multi_label and len(present := np.unique(labels)) == 2:
        first, second = present  # one machine tells both apart
        weights[:, second] /= 2
        bias[second] /= 2
        weights[:, first], bias[first] = -weights[:, second], -bias[second]
    return weights, bias


def _told_apart(labels: Targets, config: LocalWaveConfig) -> list[NDArray[np.int64]]:
    """The labels that some texts have and others have not, as many at once as one call takes."""
    if labelling_of(config).multi_label:
        having = (labels > 0.5).sum(axis=0)
    else:
        having = np.bincount(labels, minlength=config.num_labels)
    chosen = np.flatnonzero((having > 0) & (having < len(labels)))
    if not labelling_of(config).multi_label and len(chosen) == 2:
        chosen = chosen[1:]
    return [chosen[i : i + LABELS_AT_ONCE] for i in range(0, len(chosen), LABELS_AT_ONCE)]


def _label_scales(
    features: csr_array,
    having: NDArray[np.bool_],
    text_weights: NDArray[np.float32],
    added: float,
) -> NDArray[np.float32]:
    """What each feature is multiplied by for each label, (features, labels); about 1.

    Half of it grows with how much likelier a text with the label is to have the feature, or one
    without the label, by their frequencies plus what is `added`.
    """
    with_label = having * text_weights[:, None]  # (texts, labels)
    # In place: of many features and labels each copy would take as much as a table of the model.
    told = _log_shares(features, with_label, added)  # (features, labels)
    told -= _log_shares(features, text_weights[:, None] - with_label, added)
    np.abs(told, out=told)
    occurring = np.zeros(features.shape[1], np.float32)
    occurring[features.indices] = 1
    squares = np.einsum("fl,fl,f->l", told, told, occurring, dtype=np.float64)  # (labels,)
    usual = np.sqrt(squares / max(occurring.sum(), 1))
    told *= (1 - _EVEN_SHARE) / np.maximum(usual, 1e-6)  # nothing may tell anything of a label
    told += _EVEN_SHARE
    return told


def _log_shares(
    features: csr_array, weights: NDArray[np.float32], added: float
) -> NDArray[np.float32]:
    """How much of the texts has each feature, as a logarithm, (features, labels).

    Args:
        features: (texts, features).
        weights: Of each text for each label, (texts, labels).
        added: To the sums of weights.
    """
    shares = column_sums(features, weights)
    shares += added
    shares /= weights.sum(axis=0) + 2 * added
    return np.log(shares, out=shares)
