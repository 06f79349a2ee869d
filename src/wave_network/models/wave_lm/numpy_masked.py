"""The masked Wave LM in NumPy: forward only, for parts of documents."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wave_network.models.numpy_ops import Floats, Integers, Wave, finite_expected
from wave_network.models.wave_lm.numpy_layers import NumpyLayers


class NumpyMaskedLM(NumpyLayers):
    """A masked Wave LM with given weights."""

    def logits(self, ids: Integers, wanted: NDArray[np.bool_]) -> Floats:
        """Return the logits of tokens, seen from both sides.

        Args:
            ids: Token ids of one document in each lane, (tokens, lanes).
            wanted: The tokens whose logits are returned, (tokens, lanes).

        Returns:
            float32, (wanted tokens, vocabulary), in the order of the tokens, then of the lanes.

        Raises:
            ModelFolderError: If they are not finite.
        """
        with finite_expected():
            return self._logits(self._through(ids, self._waves)[wanted])

    def _waves(self, layer: int, tokens: Floats) -> Floats:
        variants = self._variants(layer, tokens)
        if self.config.local_tokens:
            variants = self._with_neighbours(layer, variants)
        first, second = np.split(variants, 2, axis=-1)
        decay, energy = self._decays[layer], np.square(first)
        others = sum_of_others(energy, decay)
        if self.config.context == "memory":
            weighted = sum_of_others(energy * second, decay)
            zeros = np.zeros_like(weighted)
            context = np.divide(weighted, others, out=zeros, where=others > 0)
        else:
            context = np.sqrt(sum_of_others(np.square(second), decay))
        return self._read_out(layer, Wave(first, np.sqrt(others)), Wave(second, context))

    def _with_neighbours(self, layer: int, variants: Floats) -> Floats:
        """Let the waves of the tokens on both sides interfere."""
        result: Floats = variants.copy()
        before, after = (
            self._tensors[f"layers.{layer}.{side}"] for side in ("neighbours", "followers")
        )
        for distance in range(1, min(len(before) + 1, len(variants))):
            result[distance:] += before[distance - 1] * variants[:-distance]
            result[:-distance] += after[distance - 1] * variants[distance:]
        return result


def sum_of_others(values: Floats, decay: Floats) -> Floats:
    """Compute `sum_{i != t} d^|i - t| values_i` of each token.

    Args:
        values: (tokens, lanes, hidden).
        decay: The share `d` that remains from token to token, (hidden,).
    """
    result: Floats = _sum_of_past(values, decay)
    result += _sum_of_past(values[::-1], decay)[::-1]
    return result


def _sum_of_past(values: Floats, decay: Floats) -> Floats:
    result, state = np.empty_like(values), np.zeros_like(values[0])
    for one, before in zip(values, result, strict=True):
        np.multiply(decay, state, out=before)
        np.add(before, one, out=state)
    return result
