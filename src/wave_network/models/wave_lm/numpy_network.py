"""The causal Wave LM in NumPy: forward only, with a state of constant size, for one document.

`logits` continues from a state. So the form that takes one token at a time is the same function as
the one that takes a thousand.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from wave_network.models.numpy_ops import Floats, Integers, Wave, finite_expected
from wave_network.models.wave_lm.numpy_layers import NumpyLayers


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


class NumpyWaveLM(NumpyLayers):
    """A causal Wave LM with given weights."""

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
        with finite_expected():
            return self._logits(self._through(ids, partial(self._waves, state)))

    def _waves(self, state: State, layer: int, tokens: Floats) -> Floats:
        variants = self._variants(layer, tokens)
        if self.config.local_tokens:
            variants = self._with_neighbours(layer, variants, state.recent[layer])
        hidden, decay = self.config.hidden_size, self._decays[layer]
        first, second = variants[:, :hidden], variants[:, hidden:]
        energy = past_energy(first, decay, state.energy[layer])
        if self.config.context == "memory":
            context = memory(Wave(first, np.sqrt(energy)), second, state.context[layer])
        else:
            context = np.sqrt(past_energy(second, decay, state.context[layer]))
        return self._read_out(layer, Wave(first, np.sqrt(energy)), Wave(second, context))

    def _with_neighbours(self, layer: int, variants: Floats, recent: Floats) -> Floats:
        """Let the waves of the tokens before interfere; keep the last ones in `recent`."""
        weights = self._tensors[f"layers.{layer}.neighbours"]
        count, known = len(weights), np.concatenate([recent, variants])
        recent[:] = known[len(known) - count :]
        result: Floats = variants.copy()
        for distance, weight in enumerate(weights, start=1):
            result += weight * known[count - distance : len(known) - distance]
        return result


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
