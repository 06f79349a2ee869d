"""The local wave network's forward pass in NumPy: gathers and sums, and two small products."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network import _native
from wave_network.config import LocalWaveConfig
from wave_network.config.local_wave import Ngram
from wave_network.models.functional import (
    Floats,
    Integers,
    Wave,
    gelu,
    layer_norm,
    log_sigmoid,
    log_softmax,
    represent,
)
from wave_network.models.local_wave.native import HEADS, TABLES, native_shape
from wave_network.models.local_wave.ngrams import ENERGY_FLOOR, NGRAMS, ngram_buckets
from wave_network.models.tensors import Tensors


class Terms(NamedTuple):
    """What the features are sums of; a row a token.

    Attributes:
        u: The first variant, (tokens, members * hidden).
        energy: Of the first variant, and of the local wave of each token and the one before it (in
            no unit yet); a text's first token has none. (tokens, 2 * members * hidden).
        bigrams: The row of each token's pair with the token before it; 0 for a text's first token.
            (tokens, members * bigram).
        linear_tokens: Of the linear part, (tokens, labels); without one (tokens, 0).
        linear_ngrams: Of the linear part the row of the n-gram of each kind that ends at a token;
            0 where none does. Each of the shape of `linear_tokens`; without a linear part none.
    """

    u: Floats
    energy: Floats
    bigrams: Floats
    linear_tokens: Floats
    linear_ngrams: dict[Ngram, Floats]


class LocalNetwork:
    """`LocalWaveNetwork.forward` on packed ids, without torch; has the methods of `Network`.

    Args:
        config: The model's shape.
        tensors: Its weights, by the names of `model_folder.tensor_shapes`.
    """

    def __init__(self, config: LocalWaveConfig, tensors: Tensors) -> None:
        self.config = config
        self.tensors = tensors
        self.has_linear_part = config.linear_buckets > 0
        self._feature_count = 3 * config.hidden_size + config.bigram_size
        self._shape = native_shape(config) if _native.compiled is not None else None
        self._tables = tuple(map(self._table, TABLES))
        self._heads = tuple(np.ascontiguousarray(tensors[name]) for name in HEADS)
        self._bias = tensors.get("linear.bias", np.empty(0, np.float32))

    def logits(
        self, ids: Integers, offsets: Integers, sentence_offsets: Integers | None = None
    ) -> Floats:
        """As `Network.logits`: of several members, those that give their mean probabilities."""
        features, margins = self.sums(ids, offsets)
        logits = self.read(features)
        if self.has_linear_part:
            logits += margins
        return logits

    def sums(self, ids: Integers, offsets: Integers) -> tuple[Floats, Floats]:
        """The `features` and `margins` of packed texts; compiled, where that could be built."""
        config = self.config
        if self._shape is None or _native.compiled is None:
            terms = self.terms(ids, offsets)
            none = np.empty((len(offsets) - 1, 0), np.float32)
            margins = self.margins(terms, offsets) if self.has_linear_part else none
            return self.features(terms, offsets), margins
        features = np.empty((len(offsets) - 1, config.members, self._feature_count), np.float32)
        margins = np.empty((len(offsets) - 1, self._bias.size), np.float32)
        margins[:] = self._bias
        _native.compiled.features_forward(
            self._shape,
            ids.astype(np.int32, copy=False),
            offsets.astype(np.int64, copy=False),
            features,
            margins,
            *self._tables,
        )
        return features.swapaxes(0, 1), margins

    def waves(
        self, ids: Integers, offsets: Integers, sentence_offsets: Integers | None = None
    ) -> tuple[Wave, Wave]:
        """As `Network.waves`, over the whole text; each of shape (tokens, members * hidden)."""
        u, v = np.split(self.variants(ids, offsets), 2, axis=1)
        return represent(u, offsets), represent(v, offsets)

    def variants(self, ids: Integers, offsets: Integers) -> Floats:
        """As `Network.variants`: u and v of every token, (tokens, 2 * members * hidden)."""
        rows: Floats = self.tensors["embedding.weight"].take(ids, axis=0)
        return rows

    def terms(self, ids: Integers, offsets: Integers) -> Terms:
        """What the features of packed texts are sums of, token by token."""
        config, starts = self.config, offsets[:-1]
        rows = self.variants(ids, offsets)
        width = rows.shape[1] // 2
        u, v = rows[:, :width], rows[:, width:]  # (tokens, members * hidden)
        energy = np.empty((len(ids), 2 * width), np.float32)
        np.square(u, out=energy[:, :width])
        local = energy[1:, width:]
        if config.operation == "modulation":
            np.multiply(v[1:], u[:-1], out=local)
        else:
            np.add(v[1:], u[:-1], out=local)
        np.square(local, out=local)
        energy[starts, width:] = 0
        bigrams = self._ngrams("bigrams", "pair", ids, starts)
        if not self.has_linear_part:
            none = np.empty((len(ids), 0), np.float32)
            return Terms(u, energy, bigrams, none, {})
        tokens = self.tensors["linear.tokens.weight"].take(ids, axis=0)
        ngrams = {
            kind: self._ngrams("linear.bigrams", kind, ids, starts) for kind in config.linear_ngrams
        }
        return Terms(u, energy, bigrams, tokens, ngrams)

    def features(self, terms: Terms, offsets: Integers) -> Floats:
        """What the readers see of each text, (members, texts, features)."""
        config, starts, width = self.config, offsets[:-1], terms.u.shape[1]
        lengths = (offsets[1:] - starts).astype(np.float32)[:, None]  # (texts, 1)
        sums = np.add.reduceat(terms.energy, starts)
        if config.operation == "modulation":
            sums[:, width:] *= np.float32(config.initializer_range**-2)
        sums += np.float32(ENERGY_FLOOR)
        semantics = np.sqrt(sums, out=sums)
        parts = [
            np.add.reduceat(terms.u, starts) / np.sqrt(lengths),
            semantics[:, :width],
            semantics[:, width:],
            np.add.reduceat(terms.bigrams, starts) / np.sqrt(np.maximum(lengths - 1, 1)),
        ]
        by_member = [part.reshape(len(part), config.members, -1) for part in parts]
        result: Floats = np.concatenate(by_member, axis=2).swapaxes(0, 1)
        return result

    def margins(self, terms: Terms, offsets: Integers) -> Floats:
        """The logits of the linear part, (texts, labels); without one (texts, 0)."""
        starts = offsets[:-1]
        lengths = (offsets[1:] - starts)[:, None]  # (texts, 1)

        def sums(rows: Floats) -> NDArray[np.float64]:  # as the terms are large beside their sum
            return np.add.reduceat(rows, starts, dtype=np.float64)

        ngrams = sum(map(sums, terms.linear_ngrams.values()))
        result = sums(terms.linear_tokens) / np.sqrt(lengths)
        result += ngrams / np.sqrt(np.maximum(lengths - 1, 1))
        rounded: Floats = result.astype(np.float32)
        rounded += self.tensors["linear.bias"]
        return rounded

    def read(self, features: Floats) -> Floats:
        """The waves' logits, of features, (texts, labels)."""
        compiled = _native.compiled
        if compiled is not None and features.shape[1] == 1:  # of many, NumPy's products are quicker
            logits = np.empty((self.config.members, 1, self.config.num_labels), np.float32)
            compiled.heads_forward(np.ascontiguousarray(features), logits, *self._heads)
        else:
            hidden = gelu(self.linear("feed_forward", features))
            logits = self.member_logits(features, hidden)
        return joined(logits, multi_label=self.config.is_multi_label)

    def member_logits(self, features: Floats, hidden: Floats) -> Floats:
        """Each member's logits of features and of its feed-forward layer's output."""
        normed = layer_norm(hidden, self.tensors["norm.weight"], self.tensors["norm.bias"])
        return self.linear("classifier", normed) + self.linear("shortcut", features)

    def linear(self, name: str, values: Floats) -> Floats:
        """The members' products with their weights of that name."""
        result: Floats = values @ self.tensors[f"{name}.weight"] + self.tensors[f"{name}.bias"]
        return result

    def _table(self, name: str) -> Floats:
        none = np.empty((0, 0), np.float32)
        return np.ascontiguousarray(self.tensors.get(name, none))

    def _ngrams(self, name: str, ngram: Ngram, ids: Integers, starts: Integers) -> Floats:
        """A table's row of the n-gram of a kind that ends at each token, (tokens, columns)."""
        table = self.tensors[f"{name}.weight"]
        reach = NGRAMS[ngram].reach
        wide = ids.astype(np.int64)
        buckets = np.zeros_like(
            wide
        )  # a text's first tokens end none: their rows are cleared below
        buckets[reach:] = ngram_buckets(ngram, wide, len(table))
        rows = table.take(buckets, axis=0)
        for place in range(reach):
            first = starts + place
            rows[first[first < len(rows)]] = 0
        return rows


def joined(logits: Floats, *, multi_label: bool) -> Floats:
    """One member's logits, or those that give several members' mean probabilities."""
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
