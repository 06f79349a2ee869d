"""What the causal and the masked Wave LM have in common in NumPy: all but their waves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from wave_network.config.wave_lm import WaveLMConfig
from wave_network.models.numpy_ops import (
    Floats,
    Integers,
    Wave,
    check_finite,
    combine,
    gelu,
    layer_norm,
    sigmoid,
)
from wave_network.models.tensor_spec import Tensors

DECAY_OFFSET: Final = 3.0
"""A dimension keeps `sigmoid(decay + 3)` of its past from token to token: 0.95 where `decay` is 0.
The initial values remember between some 2 and 400 tokens."""


class NumpyLayers:
    """The layers of a Wave LM with given weights.

    Args:
        config: Its configuration.
        tensors: Its weights, with the names of `tensor_specs`.
    """

    def __init__(self, config: WaveLMConfig, tensors: Tensors) -> None:
        self.config = config
        self._tensors = tensors
        hidden = config.hidden_size
        self._decays = [
            sigmoid(tensors[f"layers.{layer}.decay"] + np.float32(DECAY_OFFSET))
            if config.decay
            else np.ones(hidden, np.float32)
            for layer in range(config.num_layers)
        ]

    def _through(self, ids: Integers, waves: Callable[[int, Floats], Floats]) -> Floats:
        """Pass tokens through all layers; `waves` gives what a layer's waves add to them."""
        tokens: Floats = self._tensors["embedding.weight"][ids]
        for layer in range(self.config.num_layers):
            tokens = tokens + waves(layer, tokens)
            tokens = tokens + self._feed_forward(layer, tokens)
        return tokens

    def _logits(self, tokens: Floats) -> Floats:
        table = self._tensors["embedding.weight"]
        result: Floats = self._norm("norm", tokens) @ table.T + self._tensors["bias"]
        check_finite(result)
        return result

    def _variants(self, layer: int, tokens: Floats) -> Floats:
        name = f"layers.{layer}"
        return self._linear(f"{name}.variants", self._norm(f"{name}.norm", tokens))

    def _read_out(self, layer: int, first: Wave, second: Wave) -> Floats:
        combined = np.concatenate(combine(first, second, self.config.operation), axis=-1)
        name = f"layers.{layer}"
        return self._linear(f"{name}.readout", self._norm(f"{name}.readout_norm", combined))

    def _feed_forward(self, layer: int, tokens: Floats) -> Floats:
        name = f"layers.{layer}"
        inner = self._linear(f"{name}.expand", self._norm(f"{name}.feed_forward_norm", tokens))
        return self._linear(f"{name}.contract", gelu(inner))

    def _linear(self, name: str, values: Floats) -> Floats:
        result: Floats = values @ self._tensors[f"{name}.weight"].T
        result += self._tensors[f"{name}.bias"]
        return result

    def _norm(self, name: str, values: Floats) -> Floats:
        weight, bias = self._tensors[f"{name}.weight"], self._tensors[f"{name}.bias"]
        return layer_norm(values, weight, bias)
