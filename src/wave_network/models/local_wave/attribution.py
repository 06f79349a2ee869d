"""What the tokens of texts give to the features of the local wave network, and their gradients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from wave_network.config.local_wave import Ngram
from wave_network.models.functional import Floats, Integers
from wave_network.models.gradients import gelu_and_slope, joined_gradient, layer_norm_gradient
from wave_network.models.local_wave.ngrams import NGRAMS
from wave_network.models.local_wave.numpy_network import LocalNetwork, Terms, joined


class LocalFeatures:
    """The features of packed texts, and what they are of an empty text.

    Args:
        network: The network.
        ids: (tokens,).
        offsets: (texts + 1,), no text empty.

    Attributes:
        features: (members, texts, features); last of them, for the first member, what the linear
            part says to each label, and 0 for the others.
        empty: Of `[CLS]` alone, (members, 1, features).
    """

    def __init__(self, network: LocalNetwork, ids: Integers, offsets: Integers) -> None:
        self._network = network
        self._offsets = offsets
        self._terms = network.terms(ids, offsets)
        self.features = self._of(self._terms, offsets)
        alone = np.array([0, 1])
        self._empty_terms = network.terms(ids[:1], alone)
        self.empty = self._of(self._empty_terms, alone)

    def logits(self, features: Floats) -> Floats:
        """The network's answer to features, (texts, labels)."""
        waves, margins = self._parts(features)
        logits = self._network.read(waves)
        return logits if margins is None else logits + margins[0]

    def gradient(self, features: Floats, at_logits: Callable[[Floats], Floats]) -> Floats:
        """The gradient at features of a function of the logits, given its gradient at them."""
        network, tensors = self._network, self._network.tensors
        waves, margins = self._parts(features)
        before = network.linear("feed_forward", waves)
        hidden, slope = gelu_and_slope(before)
        logits = network.member_logits(waves, hidden)
        multi_label = self._network.config.is_multi_label
        answer = joined(logits, multi_label=multi_label)
        at_joined = at_logits(answer if margins is None else answer + margins[0])
        at_members = joined_gradient(logits, at_joined, multi_label=multi_label)
        at_normed = at_members @ tensors["classifier.weight"].swapaxes(1, 2)
        at_hidden = layer_norm_gradient(hidden, tensors["norm.weight"], at_normed)
        at_hidden *= slope
        result: Floats = at_hidden @ tensors["feed_forward.weight"].swapaxes(1, 2)
        result += at_members @ tensors["shortcut.weight"].swapaxes(1, 2)
        return result if margins is None else _with_margins(result, at_joined)

    def spread(self, slopes: Floats) -> Floats:
        """Give every token its part in the change of the features from those of an empty text.

        A feature is a sum over tokens or over n-grams, or a root of such a sum; its change is
        shared in proportion to the sum's terms. An n-gram's part goes to its tokens alike: a pair's
        by halves, a triple's by thirds; where one is `[CLS]`, to the others. What the text's length
        does to `[CLS]`'s own part is shared by all tokens alike.

        Args:
            slopes: What a unit of each feature is worth, (members, texts, features).

        Returns:
            (tokens,); 0 for `[CLS]`.
        """
        starts, lengths = self._offsets[:-1], np.diff(self._offsets)
        u, energy, bigrams, linear_tokens, linear_ngrams = self._terms
        width = u.shape[1]
        slopes, margins = self._parts(slopes)
        coherent, own, local, pairs = self._by_feature(slopes)
        first = self._empty_terms.u[0]
        if margins is not None:  # these too are coherent sums over tokens, and over n-grams
            coherent = np.hstack([coherent, margins[0]])
            first = np.append(first, self._empty_terms.linear_tokens[0])
            u = np.hstack([u, linear_tokens])
        worth = np.concatenate([own, local], axis=1)  # of a unit of energy
        worth *= self._roots_per_energy()
        tokens = np.float32(1) / np.sqrt(lengths, dtype=np.float32)[:, None]
        neighbours = 1 / np.sqrt(np.maximum(lengths - 1, 1), dtype=np.float32)[:, None]

        def valued(terms: Floats, worths: Floats) -> Floats:
            each = np.repeat(worths, lengths, axis=0)
            result: Floats = np.einsum("tf,tf->t", terms, each)
            return result

        alone = valued(u, coherent * tokens) + valued(energy[:, :width], worth[:, :width])
        by_length = (coherent * (tokens - 1)) @ first
        alone += np.repeat(by_length / np.maximum(lengths - 1, 1), lengths)
        paired = valued(energy[:, width:], worth[:, width:]) + valued(bigrams, pairs * neighbours)
        alone += _shared(paired, "pair", self._offsets)
        if margins is not None:
            for kind, rows in linear_ngrams.items():
                alone += _shared(valued(rows, margins[0] * neighbours), kind, self._offsets)
        alone[starts] = 0
        return alone

    def _of(self, terms: Terms, offsets: Integers) -> Floats:
        features = self._network.features(terms, offsets)
        if not self._network.has_linear_part:
            return features
        return _with_margins(features, self._network.margins(terms, offsets))

    def _parts(self, features: Floats) -> tuple[Floats, Floats | None]:
        """What is of the waves, and, (members, texts, labels), what is of the linear part."""
        if not self._network.has_linear_part:
            return features, None
        labels = self._network.config.num_labels
        return features[..., :-labels], features[..., -labels:]

    def _by_feature(self, values: Floats) -> list[Floats]:
        """The kinds of features side by side, each (texts, members * size)."""
        size = self._network.config.hidden_size
        parts = np.split(values.swapaxes(0, 1), [size, 2 * size, 3 * size], axis=2)
        return [part.reshape(len(part), -1) for part in parts]

    def _roots_per_energy(self) -> Floats:
        """How much an energy's root grows by a unit of the energy that the text adds to [CLS]'s."""
        added = self._terms.energy.copy()
        added[self._offsets[:-1]] = 0
        sums = np.add.reduceat(added, self._offsets[:-1])
        change, _ = self._parts(self.features - self.empty)
        grown = np.concatenate(self._by_feature(change)[1:3], axis=1)
        result: Floats = np.divide(
            grown, sums, out=np.zeros_like(grown), where=sums > np.finfo(np.float32).tiny
        )
        return result


def _shared(parts: Floats, ngram: Ngram, offsets: Integers) -> Floats:
    """Give the part of the n-gram that ends at each token to its tokens alike, but to no `[CLS]`.

    Args:
        parts: (tokens,); 0 where none ends.
        ngram: The kind.
        offsets: (texts + 1,).

    Returns:
        (tokens,); what the places of `[CLS]` hold is nobody's.
    """
    places = NGRAMS[ngram].places
    with_cls = offsets[:-1] + max(places)  # where the n-grams end that begin with [CLS]
    with_cls = with_cls[with_cls < offsets[1:]]
    each = parts / np.float32(len(places))
    each[with_cls] = parts[with_cls] / np.float32(len(places) - 1)
    result: Floats = each.copy()  # place 0
    for place in places[:-1]:
        result[:-place] += each[place:]
    return result


def _with_margins(features: Floats, margins: Floats) -> Floats:
    """Features with the linear part's, (texts, labels), as the first member's last ones."""
    first = np.zeros((*features.shape[:2], margins.shape[1]), np.float32)
    first[0] = margins
    return np.concatenate([features, first], axis=2)
