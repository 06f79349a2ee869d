"""Features and gradients of the local wave network, for attributions."""

from __future__ import annotations

import numpy as np

from wave_network.config.local_wave import Ngram
from wave_network.models.family import LogitsGradient
from wave_network.models.gradients import (
    gelu_and_slope,
    layer_norm_gradient,
    mean_of_members_gradient,
)
from wave_network.models.local_wave.ngrams import NGRAMS
from wave_network.models.local_wave.numpy_network import NumpyLocalWaveNetwork, Summands
from wave_network.models.numpy_ops import Floats, Integers, mean_of_members


class LocalWaveFeatures:
    """The `TextFeatures` of the local wave network.

    Args:
        network: The network.
        ids: Token ids, (tokens,).
        offsets: (texts + 1,), no text empty.
        empty: Ids of an empty text: `[CLS]` alone.

    Attributes:
        features: (members, texts, features). With a linear part, its logits are the last columns
            of the first member; those of the other members are 0.
        empty: Features of `[CLS]` alone, (members, 1, features).
    """

    def __init__(
        self, network: NumpyLocalWaveNetwork, ids: Integers, offsets: Integers, empty: Integers
    ) -> None:
        self._network = network
        self._ids, self._offsets = ids, offsets
        self._summands = network.summands(ids, offsets)
        self.features = self._features(self._summands, ids, offsets)
        alone = np.array([0, 1])
        self._empty_summands = network.summands(empty, alone)
        self.empty = self._features(self._empty_summands, empty, alone)

    def logits(self, features: Floats) -> Floats:
        """As `TextFeatures.logits`."""
        waves, linear = self._split(features)
        logits = self._network.head_logits(waves)
        return logits if linear is None else logits + linear[0]

    def gradient(self, features: Floats, at_logits: LogitsGradient) -> Floats:
        """As `TextFeatures.gradient`."""
        network, tensors = self._network, self._network.tensors
        waves, linear = self._split(features)
        before = network.linear("feed_forward", waves)
        hidden, slope = gelu_and_slope(before)
        logits = network.member_logits(waves, hidden)
        multi_label = network.config.is_multi_label
        mean = mean_of_members(logits, multi_label=multi_label)
        at_mean = at_logits(mean if linear is None else mean + linear[0])
        at_members = mean_of_members_gradient(logits, at_mean, multi_label=multi_label)
        at_normed = at_members @ tensors["classifier.weight"].swapaxes(1, 2)
        at_hidden = layer_norm_gradient(hidden, tensors["norm.weight"], at_normed)
        at_hidden *= slope
        result: Floats = at_hidden @ tensors["feed_forward.weight"].swapaxes(1, 2)
        result += at_members @ tensors["shortcut.weight"].swapaxes(1, 2)
        return result if linear is None else _append_linear(result, at_mean)

    def to_tokens(self, gradients: Floats) -> Floats:
        """As `TextFeatures.to_tokens`.

        A feature is a sum over tokens or over n-grams, or the square root of such a sum. Its change
        is distributed in proportion to the summands. The attribution of an n-gram is split equally
        among its tokens, excluding `[CLS]`. The summand of `[CLS]` changes with the text's length;
        this change is split equally among all tokens.
        """
        starts, lengths = self._offsets[:-1], np.diff(self._offsets)
        u, energy, bigrams, linear_tokens, linear_ngrams = self._summands
        width = u.shape[1]
        waves, linear = self._split(gradients)
        coherent, own, local, pairs = self._split_by_kind(waves)
        first = self._empty_summands.u[0]
        is_dense = linear is not None and self._network.sparse is None
        if linear is not None and is_dense:  # these too are sums over tokens and over n-grams
            coherent = np.hstack([coherent, linear[0]])
            first = np.append(first, self._empty_summands.linear_tokens[0])
            u = np.hstack([u, linear_tokens])
        per_energy = np.concatenate([own, local], axis=1)  # gradients with respect to the energies
        per_energy *= self._roots_per_energy()
        token_scale = np.float32(1) / np.sqrt(lengths, dtype=np.float32)[:, None]
        ngram_scale = 1 / np.sqrt(np.maximum(lengths - 1, 1), dtype=np.float32)[:, None]

        def weighted_sum(summands: Floats, weights: Floats) -> Floats:
            each = np.repeat(weights, lengths, axis=0)
            result: Floats = np.einsum("tf,tf->t", summands, each)
            return result

        by_token = weighted_sum(u, coherent * token_scale)
        by_token = by_token + weighted_sum(energy[:, :width], per_energy[:, :width])
        by_length = (coherent * (token_scale - 1)) @ first
        by_token += np.repeat(by_length / np.maximum(lengths - 1, 1), lengths)
        by_bigram = weighted_sum(energy[:, width:], per_energy[:, width:])
        by_bigram = by_bigram + weighted_sum(bigrams, pairs * ngram_scale)
        by_token += _split_among_tokens(by_bigram, "pair", self._offsets)
        if linear is not None and is_dense:
            for kind, rows in linear_ngrams.items():
                by_ngram = weighted_sum(rows, linear[0] * ngram_scale)
                by_token += _split_among_tokens(by_ngram, kind, self._offsets)
        elif linear is not None:
            by_token += self._by_sparse_part(linear[0])
        by_token[starts] = 0
        return by_token

    def _by_sparse_part(self, gradients: Floats) -> Floats:
        """Distribute the change of the sparse linear part's logits as `to_tokens` does.

        Args:
            gradients: Attribution per unit of each logit, (texts, labels).

        Returns:
            (tokens,); ignore the entries of `[CLS]`.
        """
        sparse, starts, lengths = self._network.sparse, self._offsets[:-1], np.diff(self._offsets)
        assert sparse is not None
        by_token = np.zeros(len(self._ids), np.float32)
        for kind, found in sparse.occurrences(self._ids, self._offsets):
            products = sparse.products(found, gradients)
            parts = np.zeros_like(by_token)
            parts[found.last] = products * found.scales
            if kind is not None:
                by_token += _split_among_tokens(parts, kind, self._offsets)
                continue
            by_token += parts
            by_length = products[starts] * (found.scales[starts] - 1)  # that of `[CLS]`
            each = (by_length / np.maximum(lengths - 1, 1)).astype(np.float32)
            by_token += np.repeat(each, lengths)
        return by_token

    def _features(self, summands: Summands, ids: Integers, offsets: Integers) -> Floats:
        network = self._network
        features = network.features(summands, offsets)
        if not network.has_linear_part:
            return features
        if network.sparse is None:
            return _append_linear(features, network.linear_logits(summands, offsets))
        return _append_linear(features, network.sparse.logits(ids, offsets))

    def _split(self, features: Floats) -> tuple[Floats, Floats | None]:
        """Split off the columns of the linear part, (members, texts, labels); None without one."""
        if not self._network.has_linear_part:
            return features, None
        labels = self._network.config.num_labels
        return features[..., :-labels], features[..., -labels:]

    def _split_by_kind(self, values: Floats) -> list[Floats]:
        """Split the columns by kind of feature; each (texts, members * size)."""
        bounds = np.cumsum(self._network.config.feature_sizes)[:-1]
        parts = np.split(values.swapaxes(0, 1), bounds, axis=2)
        return [part.reshape(len(part), -1) for part in parts]

    def _roots_per_energy(self) -> Floats:
        """Return each root's growth per unit of energy that the text adds to that of `[CLS]`."""
        added = self._summands.energy.copy()
        added[self._offsets[:-1]] = 0
        sums = np.add.reduceat(added, self._offsets[:-1])
        change, _ = self._split(self.features - self.empty)
        grown = np.concatenate(self._split_by_kind(change)[1:3], axis=1)
        result: Floats = np.divide(
            grown, sums, out=np.zeros_like(grown), where=sums > np.finfo(np.float32).tiny
        )
        return result


def _split_among_tokens(parts: Floats, ngram: Ngram, offsets: Integers) -> Floats:
    """Split each n-gram's attribution equally among its tokens, excluding `[CLS]`.

    Args:
        parts: Attribution of the n-gram that ends at each token, (tokens,); 0 where none ends.
        ngram: The kind of n-gram.
        offsets: (texts + 1,).

    Returns:
        (tokens,); ignore the entries of `[CLS]`.
    """
    places = NGRAMS[ngram].places
    with_cls = offsets[:-1] + max(places)  # the last tokens of the n-grams that begin with [CLS]
    with_cls = with_cls[with_cls < offsets[1:]]
    each = parts / np.float32(len(places))
    each[with_cls] = parts[with_cls] / np.float32(len(places) - 1)
    result: Floats = each.copy()  # place 0
    for place in places[:-1]:
        result[:-place] += each[place:]
    return result


def _append_linear(features: Floats, linear_logits: Floats) -> Floats:
    """Append the linear part's logits, (texts, labels), to the first member's features."""
    first = np.zeros((*features.shape[:2], linear_logits.shape[1]), np.float32)
    first[0] = linear_logits
    return np.concatenate([features, first], axis=2)
