"""The linear part of a local wave network: a support vector machine over its tokens and n-grams.

Gradient descent on waves needs many texts to learn the weight of a word; a convex problem has a
unique solution even with few (Joachims, 1998; wide and deep: Cheng et al., 2016). Features are
scaled by how strongly each predicts the label, their naive Bayes log-count ratio (Wang and Manning,
2012). The linear part is fitted separately, and its logits are added to those of the waves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wave_network.config import ClassifierConfig, LocalWaveConfig
from wave_network.data.batch import PackedTexts
from wave_network.data.labels import Labelling, labelling_of
from wave_network.data.targets import Targets, class_totals, is_soft
from wave_network.models.local_wave.numpy_network import NumpyLocalWaveNetwork
from wave_network.models.tensor_spec import Tensors
from wave_network.numerics.sparse import CsrMatrix
from wave_network.numerics.svm import LABELS_AT_ONCE, Fit, one_against_rest
from wave_network.persistence.folder import ModelFiles
from wave_network.text import TextTokenizer
from wave_network.training.interrupt import StopSignal
from wave_network.training.local_wave.few_texts import FEW_TOKENS, FewTexts, are_spelt
from wave_network.training.local_wave.many_labels import Examples, sparse_linear_weights
from wave_network.training.local_wave.margin_weight import MARGIN, margin_weight
from wave_network.training.local_wave.ngram_matrix import (
    LinearFeatures,
    column_sums,
    linear_features,
)
from wave_network.training.local_wave.sparse_weights import SparseLinearWeights, mixed
from wave_network.training.local_wave.vector_features import spelt_beside_vectors, with_vectors
from wave_network.training.threads import in_background

_CONTINUED_MARGIN: Final = (
    6.0  # weight of a continued model's margins; half, to keep what it learned
)

_LEAST_SHARE: Final = 0.05  # classes with a smaller share of a soft target are ignored
_ADDED: Final = 1.0  # smoothing of frequencies
_ADDED_WITH_TRIGRAMS: Final = 2.0  # most trigrams are rare, and their ratios unreliable
_TOKENS_AT_ONCE: Final = 1 << 16  # whose logits are computed; bounds the memory
_MOST_TOKENS: Final = 10_000_000  # bounds time and memory; more change the result little


class LinearWeights(NamedTuple):
    """The weights of the linear part of a `LocalWaveNetwork`.

    Attributes:
        tokens: float32, (vocabulary, labels).
        bigrams: float32, (buckets, labels).
        bias: float32, (labels,).
    """

    tokens: NDArray[np.float32]
    bigrams: NDArray[np.float32]
    bias: NDArray[np.float32]

    def times(self, factor: float) -> LinearWeights:
        """Multiply all weights by a factor."""
        return LinearWeights(*(weights * np.float32(factor) for weights in self))

    def tensors(self) -> Tensors:
        """Return the weights by the names of the model's tensors."""
        names = ("linear.tokens.weight", "linear.bigrams.weight", "linear.bias")
        return dict(zip(names, self, strict=True))


AnyLinearWeights: TypeAlias = LinearWeights | SparseLinearWeights


@contextmanager
def fitted_beside(
    texts: PackedTexts,
    config: ClassifierConfig,
    seed: int,
    stop: StopSignal | None = None,
    tokenizer: TextTokenizer | None = None,
    vectors: NDArray[np.float32] | None = None,
) -> Iterator[Callable[[], AnyLinearWeights | None]]:
    """Fit a linear part in the background while the body trains the waves.

    Args:
        texts: As for `linear_weights`.
        config: The model's configuration.
        seed: As for `linear_weights`.
        stop: Ends the wait for the weights.
        tokenizer: As for `linear_weights`.
        vectors: As for `linear_weights`.

    Yields:
        A function that waits for the weights and returns them; None for a model without a linear
        part, or if a stop is requested meanwhile.
    """
    if not config.has_linear_part:
        yield lambda: None
        return
    assert isinstance(config, LocalWaveConfig)  # no other family has one
    fit = partial(linear_weights, texts, config, seed, tokenizer, vectors)
    with in_background(fit, stop or StopSignal()) as found:
        yield found


def set_linear_part(tensors: Tensors, weights: AnyLinearWeights, margin: float = MARGIN) -> None:
    """Set the weights of a model's linear part.

    Args:
        tensors: The model's tensors, changed in place.
        weights: The weights that give the margins.
        margin: Weight of the margins, in logits.
    """
    weights = weights.times(margin)
    for name, values in weights.tensors().items():
        tensors[name][len(values) :] = 0  # a sparse part may have fewer weights than room
        tensors[name][: len(values)] = values


def fit_linear_part(
    config: ClassifierConfig,
    tensors: Tensors,
    weights: AnyLinearWeights,
    validation: PackedTexts,
    waves: NDArray[np.float32],
    labelling: Labelling,
) -> tuple[float, NDArray[np.float32]]:
    """Set the linear part, with the weight of its margins fitted on validation texts.

    Args:
        config: The model's configuration.
        tensors: The model's tensors, changed in place.
        weights: The weights that give the margins.
        validation: Labelled texts.
        waves: Their logits from the waves alone, (texts, classes).
        labelling: The model's labelling.

    Returns:
        The weight of the margins, and the logits of the whole model, (texts, classes).
    """
    set_linear_part(tensors, weights, 1.0)
    # Added and subtracted as the network adds, for the same rounding.
    margins = (waves + linear_logits(config, tensors, validation)) - waves
    assert validation.labels is not None
    margin = margin_weight(waves, margins, validation.labels, labelling)
    set_linear_part(tensors, weights, margin)
    return margin, waves + linear_logits(config, tensors, validation)


def linear_logits(
    config: ClassifierConfig, tensors: Tensors, texts: PackedTexts
) -> NDArray[np.float32]:
    """Compute the logits of the linear part alone, (texts, classes).

    Args:
        config: The model's configuration.
        tensors: The model's tensors.
        texts: Packed texts.
    """
    assert isinstance(config, LocalWaveConfig)
    network = NumpyLocalWaveNetwork(config, tensors)
    logits = np.empty((len(texts), config.num_labels), np.float32)
    for start, stop in texts.chunks(_TOKENS_AT_ONCE):
        part = texts.between(start, stop)
        if network.sparse is not None:
            logits[start:stop] = network.sparse.logits(part.ids, part.offsets)
        else:
            _, logits[start:stop] = network.features_and_linear_logits(part.ids, part.offsets)
    return logits


def continue_linear_part(
    config: ClassifierConfig,
    tensors: Tensors,
    weights: AnyLinearWeights,
    texts: PackedTexts,
    base: ModelFiles,
    share: float,
) -> float:
    """Mix a continued model's linear part with the one fitted on the new rows.

    The margins get their prior weight: the validation texts may be earlier training texts, so
    the weight cannot be fitted on them.

    Args:
        config: The continued model's configuration.
        tensors: Its tensors, whose linear part is still the old one; changed in place.
        weights: The weights fitted on the new rows.
        texts: The new rows.
        base: The model before continued training.
        share: The weight of the new linear part for old classes that the new rows have. Old
            classes without rows keep the old one.

    Returns:
        The weight of the margins.
    """
    unit = _CONTINUED_MARGIN / base.metrics.get("margin_weight", MARGIN)
    margin = _CONTINUED_MARGIN
    assert texts.labels is not None
    present = class_totals(texts.labels, config.num_labels) > 0
    kept = np.where(present, 1 - share, 1.0).astype(np.float32)  # (labels,)
    kept[base.config.num_labels :] = 0
    if isinstance(weights, SparseLinearWeights):
        before = SparseLinearWeights.of_tensors(tensors).times(unit)
        set_linear_part(tensors, mixed(weights.times(margin), before, kept), 1.0)
        return margin
    for name, new in weights.times(margin).tensors().items():
        tensors[name][:] = new * (1 - kept) + tensors[name] * (unit * kept)
    return margin


def linear_weights(
    texts: PackedTexts,
    config: LocalWaveConfig,
    seed: int,
    tokenizer: TextTokenizer | None = None,
    vectors: NDArray[np.float32] | None = None,
) -> AnyLinearWeights:
    """Fit the linear part, one label against the rest.

    Args:
        texts: The training texts with their labels and weights; of large data, a random sample of
            ten million tokens. With soft labels, a text counts once for each class with a
            probability of at least 0.05, weighted by it.
        config: The configuration of a model with a linear part.
        seed: Seed of the sample and the solver.
        tokenizer: Spells the vocabulary: with few texts, words of similar spelling share what is
            learnt. None: they do not.
        vectors: Word vectors of the tokens, by which the words of a dense linear part share what is
            learnt, (vocabulary, size). None: there are none.
    """
    texts = _solvable(texts.bounded(_MOST_TOKENS, seed))
    if config.sparse_linear_size:
        return _sparse_weights(linear_features(texts, config), texts, config, seed)
    entries: list[str] = []
    if tokenizer is not None and len(texts.ids) < FEW_TOKENS:
        entries = tokenizer.tokens(range(config.vocab_size))
    if not entries or not are_spelt(texts, entries):
        return _dense_weights(linear_features(texts, config), texts, config, seed, vectors)
    few = FewTexts.of(texts, config, entries)
    weights = few_texts_weights(few, config, seed, vectors)
    bigrams = np.zeros((config.linear_buckets, config.num_labels), np.float32)
    bigrams[few.buckets] = weights.bigrams
    return weights._replace(bigrams=bigrams)


def few_texts_weights(
    few: FewTexts,
    config: LocalWaveConfig,
    seed: int,
    vectors: NDArray[np.float32] | None = None,
    tolerance: float | None = None,
) -> LinearWeights:
    """Fit a dense linear part to few texts.

    Args:
        few: The texts.
        config: As for `linear_weights`, as are the other arguments.
        seed: Seed of the solver.
        vectors: Word vectors of the tokens.
        tolerance: As in `Fit`; None: the usual one for few texts.

    Returns:
        The weights, with `bigrams` of the buckets of `few` alone.
    """
    if few.texts.weights is not None:
        few = few.select(np.flatnonzero(few.texts.weights > 0))
    spelt = None if vectors is None else spelt_beside_vectors(few.texts, vectors)
    features = few.features(spelt)
    if tolerance is not None:
        features = features._replace(fit=features.fit._replace(tolerance=tolerance))
    return _dense_weights(features, few.texts, config, seed, vectors)


def _solvable(texts: PackedTexts) -> PackedTexts:
    """Leave out texts of weight 0: the solver needs weights above 0."""
    return texts if texts.weights is None else texts.select(np.flatnonzero(texts.weights > 0))


def _sparse_weights(
    features: LinearFeatures, texts: PackedTexts, config: LocalWaveConfig, seed: int
) -> SparseLinearWeights:
    examples = _examples(features.matrix, texts, config)
    blocks, size = _label_blocks(examples.targets, config), config.sparse_linear_size
    return sparse_linear_weights(examples, blocks, features.scales, config.num_labels, size, seed)


def _dense_weights(
    features: LinearFeatures,
    texts: PackedTexts,
    config: LocalWaveConfig,
    seed: int,
    vectors: NDArray[np.float32] | None,
) -> LinearWeights:
    if vectors is not None:
        features = with_vectors(features, texts, vectors)
    dense = 0 if vectors is None else vectors.shape[1]
    examples = _examples(features.matrix, texts, config)
    weights, bias = _solved(examples, config, seed, features.fit, dense)
    tokens, bigrams = np.split(features.rows(weights), [config.vocab_size])
    return LinearWeights(tokens, bigrams, bias)


def _examples(features: CsrMatrix, texts: PackedTexts, config: LocalWaveConfig) -> Examples:
    """Return the examples of the machines; soft targets become examples of several classes."""
    labels = texts.labels
    assert labels is not None
    text_weights = np.ones(len(texts), np.float32) if texts.weights is None else texts.weights
    if is_soft(labels) and not labelling_of(config).multi_label:
        shares = labels
        rows, labels = np.nonzero(shares >= _LEAST_SHARE)
        text_weights = shares[rows, labels] * text_weights[rows]
        features = features.select_rows(rows)
    return Examples(features, labels, text_weights)


def _solved(
    examples: Examples, config: LocalWaveConfig, seed: int, fit: Fit, dense: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return weights, (features, labels), and biases, (labels,); 0 and -1 for unused labels.

    The scale of the last features, which are `dense`, is 1.
    """
    features, labels, text_weights = examples
    weights = np.zeros((features.shape[1], config.num_labels), np.float32)
    bias = np.full(config.num_labels, -1.0, np.float32)
    added = _ADDED_WITH_TRIGRAMS if "triple" in config.linear_ngrams else _ADDED
    for chosen in _label_blocks(labels, config):
        having = labels[:, chosen] > 0.5 if is_soft(labels) else labels[:, None] == chosen
        scales = _label_scales(features, having, text_weights, added, fit.even_share)
        scales[len(scales) - dense :] = 1
        weights[:, chosen], bias[chosen] = one_against_rest(
            features, having, scales, fit.cost * text_weights, seed, tolerance=fit.tolerance
        )
    multi_label = labelling_of(config).multi_label
    if not multi_label and len(present := np.flatnonzero(np.bincount(labels))) == 2:
        first, second = present  # one machine separates both
        weights[:, second] /= 2
        bias[second] /= 2
        weights[:, first], bias[first] = -weights[:, second], -bias[second]
    return weights, bias


def _label_blocks(labels: Targets, config: LocalWaveConfig) -> list[NDArray[np.int64]]:
    """Return the labels that some texts have and some do not, in blocks for the solver."""
    if labelling_of(config).multi_label:
        having = (labels > 0.5).sum(axis=0)
    else:
        having = np.bincount(labels, minlength=config.num_labels)
    chosen = np.flatnonzero((having > 0) & (having < len(labels)))
    if not (labelling_of(config).multi_label or config.sparse_linear_size) and len(chosen) == 2:
        chosen = chosen[1:]  # one machine separates both
    return [chosen[i : i + LABELS_AT_ONCE] for i in range(0, len(chosen), LABELS_AT_ONCE)]


def _label_scales(
    features: CsrMatrix,
    having: NDArray[np.bool_],
    text_weights: NDArray[np.float32],
    added: float,
    even_share: float,
) -> NDArray[np.float32]:
    """Return the scale of each feature for each label, (features, labels), about 1.

    `even_share` of a scale is constant; the rest is proportional to the absolute naive Bayes
    log-count ratio of the feature: of the weighted shares of texts with and without the label that
    have it, their sums smoothed by `added`.
    """
    with_label = having * text_weights[:, None]  # (texts, labels)
    sums = column_sums(features, np.column_stack([with_label, text_weights]))
    with_it, ratios = sums[:, :-1], sums[:, -1:] - sums[:, :-1]  # both (features, labels)
    # In place, as each copy would take as much memory as a table of the model.
    for shares, weights in ((with_it, with_label), (ratios, text_weights[:, None] - with_label)):
        shares += added
        shares /= weights.sum(axis=0) + 2 * added
        np.log(shares, out=shares)
    ratios -= with_it
    np.abs(ratios, out=ratios)
    occurring = np.zeros(features.shape[1], np.float32)
    occurring[features.indices] = 1
    squares = np.einsum("fl,fl,f->l", ratios, ratios, occurring, dtype=np.float64)  # (labels,)
    usual = np.sqrt(squares / max(occurring.sum(), 1))
    ratios *= (1 - even_share) / np.maximum(usual, 1e-6)  # all ratios of a label may be 0
    ratios += even_share
    result: NDArray[np.float32] = ratios
    return result
