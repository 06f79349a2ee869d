"""The Wave LM in NumPy: forward only, with a state of constant size, for one document.

`logits` continues from a state. So the form that takes one token at a time is the same function as
the one that takes a thousand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from wave_network.config.wave_lm import WaveLMConfig
from wave_network.models.numpy_ops import (
    Floats,
    Integers,
    Wave,
    check_finite,
    combine,
    finite_expected,
    gelu,
    layer_norm,
    sigmoid,
)
from wave_network.models.tensor_spec import Tensors

DECAY_OFFSET: Final = 3.0
"""A dimension keeps `sigmoid(decay + 3)` of its past from token to token: 0.95 where `decay` is 0.
The initial values remember between some 2 and 400 tokens."""


@dataclass
class State:
    """What is kept of a document, however long it is.

    Attributes:
        energy: The energy `G^2` of the first variant, (layers, hidden).
        context: The memory `S` of the second variant; its energy, if the model has no memory;
            (layers, hidden).
        recent: The variants of the last tokens, the newest last, (layers, tokens, 2 * hidden).
    """

    energy: Floats
    context: Floats
    recent: Floats

    @property
    def size_bytes(self) -> int:
        """Its size in bytes."""
        return self.energy.nbytes + self.context.nbytes + self.recent.nbytes


class NumpyWaveLM:
    """A Wave LM with given weights.

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

    def initial_state(self) -> State:
        """Return the state before the first token of a document."""
        layers, hidden = self.config.num_layers, self.config.hidden_size
        return State(
            energy=np.zeros((layers, hidden), np.float32),
            context=np.zeros((layers, hidden), np.float32),
            recent=np.zeros((layers, self.config.local_tokens, 2 * hidden), np.float32),
        )

    def logits(self, ids: Integers, state: State) -> Floats:
        """Read the next tokens of a document, and return the logits of the token after each.

        Args:
            ids: Token ids, (tokens,), at least one.
            state: The state before them; changed in place to the one after them.

        Returns:
            float32, (tokens, vocabulary).

        Raises:
            ModelFolderError: If they are not finite.
        """
        table = self._tensors["embedding.weight"]
        with finite_expected():
            tokens = table[ids]
            for layer in range(self.config.num_layers):
                tokens = tokens + self._waves(layer, tokens, state)
                tokens = tokens + self._feed_forward(layer, tokens)
            result: Floats = self._norm("norm", tokens) @ table.T + self._tensors["bias"]
        check_finite(result)
        return result

    def _waves(self, layer: int, tokens: Floats, state: State) -> Floats:
        name, hidden = f"layers.{layer}", self.config.hidden_size
        variants = self._linear(f"{name}.variants", self._norm(f"{name}.norm", tokens))
        if self.config.local_tokens:
            variants = self._with_neighbours(layer, variants, state.recent[layer])
        first, second = variants[:, :hidden], variants[:, hidden:]
        decay = self._decays[layer]
        energy = past_energy(first, decay, state.energy[layer])
        if self.config.context == "memory":
            context = memory(Wave(first, np.sqrt(energy)), second, state.context[layer])
        else:
            context = np.sqrt(past_energy(second, decay, state.context[layer]))
        waves = Wave(first, np.sqrt(energy)), Wave(second, context)
        combined = np.concatenate(combine(*waves, self.config.operation), axis=1)
        return self._linear(f"{name}.readout", self._norm(f"{name}.readout_norm", combined))

    def _with_neighbours(self, layer: int, variants: Floats, recent: Floats) -> Floats:
        """Let the waves of the tokens before interfere; keep the last ones in `recent`."""
        weights = self._tensors[f"layers.{layer}.neighbours"]
        count, known = len(weights), np.concatenate([recent, variants])
        recent[:] = known[len(known) - count :]
        result: Floats = variants.copy()
        for distance, weight in enumerate(weights, start=1):
            result += weight * known[count - distance : len(known) - distance]
        return result

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


def past_energy(values: Floats, decay: Floats, state: Floats) -> Floats:
    """Compute `C_t^2 = d G_{t-1}^2` of each token, and the state `G^2` after the last.

    Args:
        values: A variant, (tokens, hidden).
        decay: The share `d` of its past that a dimension keeps, (hidden,).
        state: `G^2` before the first token, (hidden,); changed in place to that after the last.
    """
    energy = np.square(values)
    result = np.empty_like(values)
    for token, context in zip(energy, result, strict=True):
        np.multiply(decay, state, out=context)
        np.add(context, token, out=state)
    return result


def memory(wave: Wave, values: Floats, state: Floats) -> Floats:
    """Compute `S_t = sin^2(alpha_t) S_{t-1} + cos^2(alpha_t) v_t` with the phase of a wave.

    Args:
        wave: The wave of the first variant, (tokens, hidden).
        values: The second variant, (tokens, hidden).
        state: `S` before the first token, (hidden,); changed in place to that after the last.
    """
    context = np.square(wave.imag)
    energy = context + np.square(wave.real)
    share = np.divide(context, energy, out=np.zeros_like(context), where=energy > 0)
    result: Floats = (1 - share) * values
    for kept, one in zip(share, result, strict=True):
        state *= kept
        state += one
        one[:] = state
    return result
