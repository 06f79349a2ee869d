"""The papers' network in NumPy, with the first layer's linear maps folded into its tables.

A linear layer commutes with a table lookup, so W1 E and W2 E are tables too. Each row is computed
once, when its token first occurs: the first text after loading computes only its own rows.
"""

from __future__ import annotations

from threading import Lock
from typing import Any

import numpy as np

from wave_network.config import ModelConfig
from wave_network.models.numpy_ops import (
    Floats,
    Integers,
    Wave,
    combine,
    gelu,
    layer_norm,
    represent,
    represent_first,
)
from wave_network.models.tensor_spec import Tensors
from wave_network.models.wave.positions import sinusoidal_positions
from wave_network.models.wave.readouts import READOUTS


class NumpyWaveNetwork:
    """`WaveNetwork.forward` on packed ids, without torch.

    Args:
        config: The model's configuration.
        tensors: Its weights.
    """

    tokens_at_once = 8_192  # their rows fit into a processor's cache

    def __init__(self, config: ModelConfig, tensors: Tensors) -> None:
        self.config = config
        self.tensors = tensors
        self._positions = _position_table(config, tensors)  # (positions, embedding) or None
        self._variants = _VariantTable(config, tensors, self._positions)

    def logits(
        self, ids: Integers, offsets: Integers, sentence_offsets: Integers | None = None
    ) -> Floats:
        """As `NumpyNetwork.logits`."""
        pooled = self.embeddings(ids, offsets, sentence_offsets)
        result: Floats = (
            pooled @ self.tensors["classifier.weight"].T + self.tensors["classifier.bias"]
        )
        return result

    def embeddings(
        self, ids: Integers, offsets: Integers, sentence_offsets: Integers | None = None
    ) -> Floats:
        """As `NumpyNetwork.embeddings`: the pooled output of the last layer, (texts, hidden)."""
        hidden = self._encode(ids, offsets, sentence_offsets)
        if self.config.pooling == "cls":
            return hidden
        lengths = np.diff(offsets).astype(np.float32)[:, None]
        pooled: Floats = np.divide(np.add.reduceat(hidden, offsets[:-1]), lengths, dtype=np.float32)
        return pooled

    def waves(
        self, ids: Integers, offsets: Integers, sentence_offsets: Integers | None = None
    ) -> tuple[Wave, Wave]:
        """As `NumpyNetwork.waves`."""
        return self._both_waves(self.variants(ids, offsets), offsets, sentence_offsets, False)

    def _encode(
        self, ids: Integers, offsets: Integers, sentence_offsets: Integers | None
    ) -> Floats:
        """Compute the last layer's output: (texts, hidden) for `[CLS]`, else (tokens, hidden)."""
        config = self.config
        variants = self.variants(ids, offsets)
        if config.num_layers == 1:
            return self._layer(0, variants, offsets, sentence_offsets, config.pooling == "cls")
        hidden = self.tensors["embedding.weight"][ids]
        if self._positions is not None:
            hidden = hidden + self._positions[_positions_in_text(offsets)]
        for layer in range(config.num_layers):
            if layer:
                variants = (
                    hidden @ self.tensors[f"layers.{layer}.variants.weight"].T
                    + self.tensors[f"layers.{layer}.variants.bias"]
                )
            only_first = config.pooling == "cls" and layer == config.num_layers - 1
            if only_first:
                hidden = hidden[offsets[:-1]]
            hidden = hidden + self._layer(layer, variants, offsets, sentence_offsets, only_first)
        return hidden

    def _layer(
        self,
        layer: int,
        variants: Floats,
        offsets: Integers,
        sentence_offsets: Integers | None,
        only_first: bool,
    ) -> Floats:
        first, second = self._both_waves(variants, offsets, sentence_offsets, only_first)
        combined = combine(first, second, self.config.operation)
        real = READOUTS[self.config.readout].of(combined)
        weight, bias = self.weight_and_bias(layer, "feed_forward")
        return layer_norm(gelu(real @ weight.T + bias), *self.weight_and_bias(layer, "norm"))

    def variants(self, ids: Integers, offsets: Integers) -> Floats:
        """As `NumpyNetwork.variants`."""
        place = _positions_in_text(offsets) if self._positions is not None else None
        return self._variants.rows(ids, place)

    def _both_waves(
        self,
        variants: Floats,
        offsets: Integers,
        sentence_offsets: Integers | None,
        only_first: bool,
    ) -> tuple[Wave, Wave]:
        size = self.config.hidden_size
        first, second = (
            _wave(half, offsets, sentence_offsets if level == "sentence" else None, only_first)
            for half, level in zip(
                (variants[:, :size], variants[:, size:]), self.config.levels, strict=True
            )
        )
        return first, second

    def weight_and_bias(self, layer: int, name: str) -> tuple[Floats, Floats]:
        """Return the weight and the bias of a layer's module."""
        prefix = f"layers.{layer}.{name}"
        return self.tensors[f"{prefix}.weight"], self.tensors[f"{prefix}.bias"]


class _VariantTable:
    """Both variants of every token id and of every position, computed on first use."""

    def __init__(self, config: ModelConfig, tensors: Tensors, positions: Floats | None) -> None:
        self._lock = Lock()
        self._embedding = tensors["embedding.weight"]
        self._positions = positions
        if config.variants == "embedding":
            self._weight: Floats | None = None
            self._table = self._embedding
            return
        weight, bias = (tensors[f"layers.0.variants.{name}"] for name in ("weight", "bias"))
        self._weight = weight.T
        self._token_bias = bias if positions is None else np.zeros_like(bias)
        self._positions = None if positions is None else positions @ self._weight + bias
        self._table = np.empty((config.vocab_size, 2 * config.hidden_size), dtype=np.float32)
        self._filled = np.zeros(config.vocab_size, dtype=bool)

    def rows(self, ids: Integers, place: Integers | None) -> Floats:
        """Return the variants of tokens at their positions; (tokens, 2 * hidden)."""
        if self._weight is not None:
            self._fill(ids, self._weight)
        rows = self._table[ids]
        if self._positions is not None:
            rows += self._positions[place]
        return rows

    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in vars(self).items() if name != "_lock"}
        if self._weight is not None:
            with self._lock:  # both of one moment
                state.update(_table=self._table.copy(), _filled=self._filled.copy())
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = Lock()

    def _fill(self, ids: Integers, weight: Floats) -> None:
        if self._filled[ids].all():
            return
        with self._lock:
            missing = np.unique(ids[~self._filled[ids]])
            self._table[missing] = self._embedding[missing] @ weight + self._token_bias
            self._filled[missing] = True


def _position_table(config: ModelConfig, tensors: Tensors) -> Floats | None:
    if config.positions == "none":
        return None
    if config.positions == "learned":
        return tensors["positions.weight"]
    return sinusoidal_positions(config.max_length, config.embedding_size, config.initializer_range)


def _positions_in_text(offsets: Integers) -> Integers:
    lengths = np.diff(offsets)
    result: Integers = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    return result


def _wave(
    embeddings: Floats, offsets: Integers, sentence_offsets: Integers | None, only_first: bool
) -> Wave:
    bounds = offsets if sentence_offsets is None else sentence_offsets
    if not only_first:
        return represent(embeddings, bounds)
    wave = represent_first(embeddings, bounds)
    if sentence_offsets is None:
        return wave
    first_sentences = np.searchsorted(sentence_offsets, offsets[:-1])
    return Wave(wave.real[first_sentences], wave.imag[first_sentences])
