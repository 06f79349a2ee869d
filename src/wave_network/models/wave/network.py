"""The papers' network (paper 1, section 4 and Fig. 6a) in torch, on packed batches.

Design choices, where the papers leave one open:

- The two variants are computed in embedding space, u = W1 x + b1 and v = W2 x + b2, and each
  becomes a wave: Eqs. 4 and 7 build the primed wave from primed embeddings.
- Waves are pairs of real tensors (`ops/real.py`): no complex dtype, no trigonometry.
- The complex-to-real map g concatenates `[Re, Im]` by default, and the feed-forward layer projects
  it to the hidden size (GELU, then LayerNorm): 2.37M parameters beside the embedding table at 768.
- A single layer has no residual connection, as in Fig. 6a. Several layers follow Eq. 8:
  W_{n+1} = W_n + Dropout(g(f(W_n))).
- There is no padding, so none can leak into the global semantics through the biases.
- With `[CLS]` pooling, only the `[CLS]` row passes the last layer's read-out and feed-forward. Of
  the other tokens it needs only the energy, which is summed without building their waves.
- A linear layer commutes with gathering rows, so the first layer's variants are computed for the
  batch's distinct tokens and for the positions, and summed per token afterwards.
- `variants="embedding"` stores both variants as columns of the embedding table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wave_network import ops
from wave_network.config import ModelConfig, Operation, Readout
from wave_network.data.batch import PackedBatch
from wave_network.errors import ConfigError
from wave_network.models.torch_network import ClassifierNetwork, FixedTable
from wave_network.models.torch_random import DrawnFrom, Dropout
from wave_network.models.wave.positions import sinusoidal_positions
from wave_network.models.wave.tensors import tensor_specs
from wave_network.ops import Wave

READOUTS: Final[Mapping[Readout, Callable[[Wave], Tensor]]] = {
    "concat": lambda wave: torch.cat([wave.real, wave.imag], dim=-1),
    "magnitude": ops.magnitude,
    "real": lambda wave: wave.real,
    "imaginary": lambda wave: wave.imag,
}
"""The complex-to-real maps g, which the papers name (Eq. 8) but do not define."""


class WaveNetwork(ClassifierNetwork):
    """A text classifier of one or more wave layers.

    Args:
        config: The model's configuration.
    """

    config: ModelConfig

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config, tensor_specs(config))
        self.embedding = nn.Embedding(config.vocab_size, config.embedding_size)
        self.positions = _position_table(config)
        self.layers = nn.ModuleList(WaveLayer(config) for _ in range(config.num_layers))
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        nn.init.normal_(self.embedding.weight, std=config.initializer_range)

    def forward(self, batch: PackedBatch) -> Tensor:
        """Classify packed texts.

        Args:
            batch: Token ids and offsets; sentence offsets too if the first level is `sentence`.

        Returns:
            The logits, (texts, labels).

        Raises:
            ConfigError: If the model needs sentence offsets and the batch has none.
        """
        hidden = self._encode(batch)  # (texts, hidden) for [CLS], else (tokens, hidden)
        if self.config.pooling == "mean":
            lengths = batch.offsets.diff().unsqueeze(1)  # (texts, 1)
            hidden = ops.segment_sum(hidden, batch.offsets) / lengths
        logits: Tensor = self.classifier(hidden)
        return logits

    def _encode(self, batch: PackedBatch) -> Tensor:
        """Compute the last layer's output: per text with `[CLS]` pooling, else per token."""
        distinct, token_index = torch.unique(batch.ids, return_inverse=True)
        tokens = self.embedding(distinct)  # (distinct, embedding)
        positions = self._position_rows(batch)  # (longest, embedding) or None
        first = self.layers[0]
        assert isinstance(first, WaveLayer)
        token_variants, position_variants = first.variants_of(tokens, positions)
        single = self.config.num_layers == 1
        if single and self.config.pooling == "cls" and self.config.levels == ("input", "input"):
            wave = ops.represent_first_factored(
                token_variants, token_index, position_variants, batch.offsets
            )  # (texts, 2 * hidden)
            return first.output(*_halves(wave))
        variants = _gather(token_variants, token_index, position_variants, batch.offsets)
        if single:
            hidden: Tensor = first(variants, batch, only_first=self.config.pooling == "cls")
            return hidden
        hidden = _gather(tokens, token_index, positions, batch.offsets)
        return self._residual_layers(hidden, variants, batch)

    def _residual_layers(self, hidden: Tensor, variants: Tensor, batch: PackedBatch) -> Tensor:
        """Apply Eq. 8 layer by layer; with `[CLS]` pooling the last one computes only `[CLS]` rows.

        Args:
            hidden: W_0, the embedded tokens, (tokens, hidden).
            variants: The first layer's two variants of them, (tokens, 2 * hidden).
            batch: The packed texts.
        """
        for number, layer in enumerate(self.layers, start=1):
            assert isinstance(layer, WaveLayer)
            if number > 1:
                variants, _ = layer.variants_of(hidden, None)
            only_first = self.config.pooling == "cls" and number == len(self.layers)
            if only_first:
                hidden = hidden[batch.offsets[:-1]]  # (texts, hidden)
            hidden = hidden + layer(variants, batch, only_first=only_first)
        return hidden

    def _position_rows(self, batch: PackedBatch) -> Tensor | None:
        if self.positions is None:
            return None
        longest = int(batch.offsets.diff().max())
        table = self.positions.weight
        assert isinstance(table, Tensor)
        return table[:longest]


def seeded_network(config: ModelConfig, seed: int) -> WaveNetwork:
    """Build a network whose weights and dropout are drawn with a seed of their own."""
    generator = torch.Generator().manual_seed(seed)
    with DrawnFrom(generator):
        network = WaveNetwork(config)
    for module in network.modules():
        if isinstance(module, Dropout):
            module.draw_from(generator)
    return network


class WaveLayer(nn.Module):
    """A layer: two variants, their waves, an operation, read-out, feed-forward, LayerNorm."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.operation: Operation = config.operation
        self.readout: Readout = config.readout
        self.levels = config.levels
        self.variants = nn.Linear(size, 2 * size) if config.variants == "linear" else None
        self.feed_forward = nn.Linear(config.readout_size, size)
        self.norm = nn.LayerNorm(size)
        self.dropout = Dropout(config.dropout)

    def variants_of(self, tokens: Tensor, positions: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Compute u and v of token rows and of position rows; the sums of both are the variants.

        Args:
            tokens: (rows, hidden), or (rows, 2 * hidden) if the table stores the variants.
            positions: Same shapes, or None. Their result includes the bias, so that a sum has it
                once.

        Returns:
            (rows, 2 * hidden) for the tokens, and for the positions or None.
        """
        if self.variants is None:
            return tokens, positions
        if positions is None:
            return _whole(self.variants(tokens)), None
        rows = F.linear(tokens, self.variants.weight)
        return _whole(rows), _whole(self.variants(positions))

    def forward(self, variants: Tensor, batch: PackedBatch, *, only_first: bool) -> Tensor:
        """Mix the tokens of each text.

        Args:
            variants: u and v concatenated, (tokens, 2 * hidden).
            batch: The packed texts.
            only_first: Compute only the `[CLS]` rows.

        Returns:
            (texts, hidden) if `only_first`, else (tokens, hidden).
        """
        u, v = variants.chunk(2, dim=1)
        first = self._wave(u, batch, self.levels[0], only_first=only_first)
        second = self._wave(v, batch, self.levels[1], only_first=only_first)
        return self.output(first, second)

    def output(self, first: Wave, second: Wave) -> Tensor:
        """Combine two waves and map them to the hidden size: g, feed-forward, norm, dropout."""
        combine = ops.modulate if self.operation == "modulation" else ops.interfere
        real = READOUTS[self.readout](combine(first, second))
        # The tanh approximation, because the runtime uses NumPy, which has no erf.
        hidden = F.gelu(self.feed_forward(real), approximate="tanh")
        output: Tensor = self.dropout(self.norm(hidden))
        return output

    def _wave(
        self, embeddings: Tensor, batch: PackedBatch, level: str, *, only_first: bool
    ) -> Wave:
        if level == "input":
            represent = ops.represent_first if only_first else ops.represent
            return represent(embeddings, batch.offsets)
        if batch.sentence_offsets is None:
            raise ConfigError("this model needs sentence boundaries, and the batch has none")
        if not only_first:
            return ops.represent(embeddings, batch.sentence_offsets)
        wave = ops.represent_first(embeddings, batch.sentence_offsets)  # (sentences, hidden)
        texts = torch.searchsorted(batch.sentence_offsets, batch.offsets[:-1])
        return Wave(wave.real[texts], wave.imag[texts])


def _whole(variants: Tensor) -> Tensor:
    """Return what mixed precision has computed in 16 bits in 32: waves are sums of squares."""
    return variants if variants.dtype.itemsize > 2 else variants.float()


def _position_table(config: ModelConfig) -> nn.Module | None:
    if config.positions == "none":
        return None
    if config.positions == "learned":
        table = nn.Embedding(config.max_length, config.embedding_size)
        nn.init.normal_(table.weight, std=config.initializer_range)
        return table
    shape = config.max_length, config.embedding_size, config.initializer_range
    return FixedTable(partial(sinusoidal_positions, *shape))


def _halves(wave: Wave) -> tuple[Wave, Wave]:
    """Split a wave of both variants, concatenated, into the wave of each."""
    first_real, second_real = wave.real.chunk(2, dim=-1)
    first_imag, second_imag = wave.imag.chunk(2, dim=-1)
    return Wave(first_real, first_imag), Wave(second_real, second_imag)


def _gather(
    tokens: Tensor, token_index: Tensor, positions: Tensor | None, offsets: Tensor
) -> Tensor:
    """Return one row per token: the row of its id plus the row of its position."""
    rows = tokens[token_index]  # (tokens, columns)
    if positions is None:
        return rows
    starts = torch.repeat_interleave(offsets[:-1], offsets.diff())  # (tokens,)
    place = torch.arange(len(token_index), device=tokens.device) - starts
    return rows + positions[place]
