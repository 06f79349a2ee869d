"""The local wave network's forward pass in NumPy: gathers and sums, and two small products."""

from __future__ import annotations

import numpy as np

from wave_network.config import LocalWaveConfig
from wave_network.local_waves import ENERGY_FLOOR, pair_bucket
from wave_network.model_folder import Tensors
from wave_network.runtime.waves import Floats, Integers, Wave, gelu, layer_norm, represent


class LocalNetwork:
    """`LocalWaveNetwork.forward` on packed ids, without torch; has the methods of `Network`.

    Args:
        config: The model's shape.
        tensors: Its weights, by the names of `model_folder.tensor_shapes`.
    """

    def __init__(self, config: LocalWaveConfig, tensors: Tensors) -> None:
        self.config = config
        self.tensors = tensors

    def logits(
        self, ids: Integers, offsets: Integers, sentence_offsets: Integers | None = None
    ) -> Floats:
        """As `Network.logits`: of several members, those that give their mean probabilities."""
        features = self._features(ids, offsets)  # (members, texts, features)
        hidden = gelu(self._linear("feed_forward", features))
        hidden = layer_norm(hidden, self.tensors["norm.weight"], self.tensors["norm.bias"])
        logits = self._linear("classifier", hidden) + self._linear("shortcut", features)
        if len(logits) > 1:
            mean = _log_mean_odds if self.config.is_multi_label else _log_mean_probabilities
            return mean(logits)
        result: Floats = logits[0]
        return result

    def waves(
        self, ids: Integers, offsets: Integers, sentence_offsets: Integers | None = None
    ) -> tuple[Wave, Wave]:
        """As `Network.waves`, over the whole text; each of shape (tokens, members * hidden)."""
        u, v = np.split(self.tensors["embedding.weight"][ids], 2, axis=1)
        return represent(u, offsets), represent(v, offsets)

    def _features(self, ids: Integers, offsets: Integers) -> Floats:
        config, starts = self.config, offsets[:-1]
        lengths = (offsets[1:] - starts).astype(np.float32)[:, None]  # (texts, 1)
        rows = self.tensors["embedding.weight"].take(ids, axis=0)
        width = rows.shape[1] // 2
        u, v = rows[:, :width], rows[:, width:]  # (tokens, members * hidden)
        energy = np.empty((len(ids), 2 * width), np.float32)  # of the tokens, of the local waves
        np.square(u, out=energy[:, :width])
        local = energy[1:, width:]
        if config.operation == "modulation":
            np.multiply(v[1:], u[:-1], out=local)
        else:
            np.add(v[1:], u[:-1], out=local)
        np.square(local, out=local)
        energy[starts, width:] = 0
        sums = np.add.reduceat(energy, starts)
        if config.operation == "modulation":
            sums[:, width:] *= np.float32(config.initializer_range**-2)
        sums += np.float32(ENERGY_FLOOR)
        semantics = np.sqrt(sums, out=sums)
        parts = [
            np.add.reduceat(u, starts) / np.sqrt(lengths),
            semantics[:, :width],
            semantics[:, width:],
            self._bigram_sum(ids, starts) / np.sqrt(np.maximum(lengths - 1, 1)),
        ]
        by_member = [part.reshape(len(part), config.members, -1) for part in parts]
        result: Floats = np.concatenate(by_member, axis=2).swapaxes(0, 1)
        return result

    def _bigram_sum(self, ids: Integers, starts: Integers) -> Floats:
        """The sum of the rows of all pairs of neighbours, (texts, members * bigram)."""
        wide = ids.astype(np.int64)
        buckets = np.zeros_like(wide)  # a text's first token has no pair: its row is cleared below
        buckets[1:] = pair_bucket(wide[:-1], wide[1:], self.config.bigram_buckets)
        rows = self.tensors["bigrams.weight"].take(buckets, axis=0)
        rows[starts] = 0
        sums: Floats = np.add.reduceat(rows, starts)
        return sums

    def _linear(self, name: str, values: Floats) -> Floats:
        result: Floats = values @ self.tensors[f"{name}.weight"] + self.tensors[f"{name}.bias"]
        return result


def _log_mean_probabilities(logits: Floats) -> Floats:
    """The logarithm of the members' mean probabilities; (texts, labels)."""
    shifted = logits - logits.max(axis=2, keepdims=True)
    each = shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True))
    result: Floats = np.logaddexp.reduce(each, axis=0) - np.float32(np.log(len(logits)))
    return result


def _log_mean_odds(logits: Floats) -> Floats:
    """The log-odds of the members' mean probabilities, each label by itself; (texts, labels)."""
    zero = np.float32(0)
    with_label = np.logaddexp.reduce(-np.logaddexp(zero, -logits), axis=0)
    without = np.logaddexp.reduce(-np.logaddexp(zero, logits), axis=0)
    result: Floats = with_label - without
    return result
