"""The local wave network's forward pass in NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network import _native
from wave_network._native import threads
from wave_network.config import LocalWaveConfig
from wave_network.config.local_wave import Ngram
from wave_network.models.local_wave.native import native_shape
from wave_network.models.local_wave.ngrams import ENERGY_FLOOR, NGRAMS, ngram_buckets
from wave_network.models.local_wave.tensors import head_names, table_names
from wave_network.models.numpy_ops import (
    Floats,
    Integers,
    Wave,
    gelu,
    layer_norm,
    mean_of_members,
    represent,
)
from wave_network.models.tensor_spec import Tensors
from wave_network.numerics.dense import unit_rows

if TYPE_CHECKING:
    from wave_network.models.local_wave.sparse import SparseLinear


class Summands(NamedTuple):
    """The terms of each token in the sums that form the features and the linear part's logits.

    Attributes:
        u: The first variant, (tokens, members * hidden).
        energy: Energy of the first variant; then that of the local wave of each token and the one
            before it, not scaled yet, 0 for a text's first token. (tokens, 2 * members * hidden).
        bigrams: The row of the bigram that ends at each token; 0 for a text's first token.
            (tokens, members * bigram).
        linear_tokens: The dense linear part's row of each token, (tokens, labels); without one
            (tokens, 0).
        linear_ngrams: By kind, the dense linear part's row of the n-gram that ends at each token, 0
            where none ends, (tokens, labels). Empty without a dense linear part.
    """

    u: Floats
    energy: Floats
    bigrams: Floats
    linear_tokens: Floats
    linear_ngrams: dict[Ngram, Floats]


class NumpyLocalWaveNetwork:
    """`LocalWaveNetwork.forward` on packed ids, without torch.

    Args:
        config: The model's configuration.
        tensors: Its weights.

    Attributes:
        sparse: The sparse linear part, or None.
    """

    def __init__(self, config: LocalWaveConfig, tensors: Tensors) -> None:
        self.config = config
        self.tensors = tensors
        # Cached: these properties search for a prime number each time.
        self.has_linear_part, self._feature_size = config.has_linear_part, config.feature_size
        self._shape = native_shape(config) if _native.compiled is not None else None
        self._tables = tuple(map(self._table, table_names(config)))
        self._heads = tuple(np.ascontiguousarray(tensors[name]) for name in head_names(config))
        self.sparse: SparseLinear | None = None
        if config.sparse_linear_size:
            from wave_network.models.local_wave.sparse import SparseLinear  # only where it is used

            self.sparse = SparseLinear(config, tensors)
        self._has_dense_part = self.has_linear_part and self.sparse is None
        self._bias = tensors["linear.bias"] if self._has_dense_part else np.empty(0, np.float32)

    def __reduce__(self) -> tuple[type[NumpyLocalWaveNetwork], tuple[LocalWaveConfig, Tensors]]:
        # Copies are built anew: the compiled functions' shape belongs to one process.
        return type(self), (self.config, self.tensors)

    @property
    def tokens_at_once(self) -> int:
        """As `NumpyNetwork.tokens_at_once`: enough for all threads, or what fits into a cache."""
        return 8_192 if self._shape is None else 32_768

    def logits(
        self, ids: Integers, offsets: Integers, sentence_offsets: Integers | None = None
    ) -> Floats:
        """As `NumpyNetwork.logits`."""
        features, linear_logits = self.features_and_linear_logits(ids, offsets)
        logits = self.head_logits(features)
        if self.sparse is not None:
            logits += self.sparse.logits(ids, offsets)
        elif self.has_linear_part:
            logits += linear_logits
        return logits

    def embeddings(
        self, ids: Integers, offsets: Integers, sentence_offsets: Integers | None = None
    ) -> Floats:
        """As `NumpyNetwork.embeddings`: the coherent sums and the heads' hidden layer.

        Both have length 1, over all members, so that each counts as much as the other.
        """
        features, _ = self.features_and_linear_logits(ids, offsets)
        hidden = gelu(self.linear("feed_forward", features))
        normed = layer_norm(hidden, self.tensors["norm.weight"], self.tensors["norm.bias"])
        coherent = features[:, :, : self.config.hidden_size]
        parts = (part.swapaxes(0, 1).reshape(len(offsets) - 1, -1) for part in (coherent, normed))
        return np.hstack([unit_rows(part) for part in parts])

    def features_and_linear_logits(self, ids: Integers, offsets: Integers) -> tuple[Floats, Floats]:
        """Compute the features and the dense linear part's logits; compiled if possible.

        Returns:
            As `features` and `linear_logits`; without a dense linear part the latter are
            (texts, 0).
        """
        config, count = self.config, len(offsets) - 1
        if self._shape is None or _native.compiled is None:
            summands = self.summands(ids, offsets)
            linear_logits = np.empty((count, 0), np.float32)
            if self._has_dense_part:
                linear_logits = self.linear_logits(summands, offsets)
            return self.features(summands, offsets), linear_logits
        features = np.empty((count, config.members, self._feature_size), np.float32)
        linear_logits = np.empty((count, self._bias.size), np.float32)
        linear_logits[:] = self._bias
        _native.compiled.features_forward(
            self._shape,
            ids.astype(np.int32, copy=False),
            offsets.astype(np.int64, copy=False),
            features,
            linear_logits,
            *self._tables,
            threads.current(),
        )
        return features.swapaxes(0, 1), linear_logits

    def waves(
        self, ids: Integers, offsets: Integers, sentence_offsets: Integers | None = None
    ) -> tuple[Wave, Wave]:
        """As `NumpyNetwork.waves`, of whole texts; each (tokens, members * hidden)."""
        u, v = np.split(self.variants(ids, offsets), 2, axis=1)
        return represent(u, offsets), represent(v, offsets)

    def variants(self, ids: Integers, offsets: Integers) -> Floats:
        """As `NumpyNetwork.variants`, (tokens, 2 * members * hidden)."""
        rows: Floats = self.tensors["embedding.weight"].take(ids, axis=0)
        return rows

    def summands(self, ids: Integers, offsets: Integers) -> Summands:
        """Compute each token's terms of the features and of the linear part."""
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
        if not self._has_dense_part:
            return Summands(u, energy, bigrams, np.empty((len(ids), 0), np.float32), {})
        tokens = self.tensors["linear.tokens.weight"].take(ids, axis=0)
        ngrams = {
            kind: self._ngrams("linear.bigrams", kind, ids, starts) for kind in config.linear_ngrams
        }
        return Summands(u, energy, bigrams, tokens, ngrams)

    def features(self, summands: Summands, offsets: Integers) -> Floats:
        """Compute the input of the heads, (members, texts, features)."""
        config, starts, width = self.config, offsets[:-1], summands.u.shape[1]
        lengths = (offsets[1:] - starts).astype(np.float32)[:, None]  # (texts, 1)
        sums = np.add.reduceat(summands.energy, starts)
        if config.operation == "modulation":
            sums[:, width:] *= np.float32(config.initializer_range**-2)
        sums += np.float32(ENERGY_FLOOR)
        semantics = np.sqrt(sums, out=sums)
        parts = [
            np.add.reduceat(summands.u, starts) / np.sqrt(lengths),
            semantics[:, :width],
            semantics[:, width:],
            np.add.reduceat(summands.bigrams, starts) / np.sqrt(np.maximum(lengths - 1, 1)),
        ]
        by_member = [part.reshape(len(part), config.members, -1) for part in parts]
        result: Floats = np.concatenate(by_member, axis=2).swapaxes(0, 1)
        return result

    def linear_logits(self, summands: Summands, offsets: Integers) -> Floats:
        """Compute the logits of the dense linear part, (texts, labels)."""
        starts = offsets[:-1]
        lengths = (offsets[1:] - starts)[:, None]  # (texts, 1)

        def sums(rows: Floats) -> NDArray[np.float64]:  # in 64 bits: large terms may cancel
            return np.add.reduceat(rows, starts, dtype=np.float64)

        ngrams = sum(map(sums, summands.linear_ngrams.values()))
        result = sums(summands.linear_tokens) / np.sqrt(lengths)
        result += ngrams / np.sqrt(np.maximum(lengths - 1, 1))
        rounded: Floats = result.astype(np.float32)
        rounded += self.tensors["linear.bias"]
        return rounded

    def head_logits(self, features: Floats) -> Floats:
        """Compute the logits of the heads, averaged over the members, (texts, labels)."""
        members, texts, _ = features.shape
        if _native.compiled is not None:
            logits = np.empty((members, texts, self.config.num_labels), np.float32)
            by_text = np.ascontiguousarray(features.swapaxes(0, 1))
            _native.compiled.heads_forward(by_text, logits, *self._heads, threads.current())
        else:
            hidden = gelu(self.linear("feed_forward", features))
            logits = self.member_logits(features, hidden)
        return mean_of_members(logits, multi_label=self.config.is_multi_label)

    def member_logits(self, features: Floats, hidden: Floats) -> Floats:
        """Compute each member's logits from features and the feed-forward layer's output."""
        normed = layer_norm(hidden, self.tensors["norm.weight"], self.tensors["norm.bias"])
        return self.linear("classifier", normed) + self.linear("shortcut", features)

    def linear(self, name: str, values: Floats) -> Floats:
        """Apply each member's linear layer of that name."""
        result: Floats = values @ self.tensors[f"{name}.weight"] + self.tensors[f"{name}.bias"]
        return result

    def _table(self, name: str) -> Floats:
        none = np.empty((0, 0), np.float32)
        return np.ascontiguousarray(self.tensors.get(name, none))

    def _ngrams(self, name: str, ngram: Ngram, ids: Integers, starts: Integers) -> Floats:
        """Look up the row of the n-gram of a kind that ends at each token, (tokens, columns)."""
        table = self.tensors[f"{name}.weight"]
        reach = NGRAMS[ngram].reach
        wide = ids.astype(np.int64)
        # No n-gram ends at a text's first tokens: their rows are set to 0 below.
        buckets = np.zeros_like(wide)
        buckets[reach:] = ngram_buckets(ngram, wide, len(table))
        rows = table.take(buckets, axis=0)
        for place in range(reach):
            first = starts + place
            rows[first[first < len(rows)]] = 0
        return rows
