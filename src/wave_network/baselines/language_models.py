"""The neural language models that the Wave LM is compared with, in its sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wave_network.config.wave_lm import Size

GRU_SIZES: Final = {"200k": 108, "1m": 256, "5m": 600}
"""The hidden size of two layers for about as many parameters."""

Rotation: TypeAlias = tuple[Tensor, Tensor]
"""Cosines and sines of the angles of positions, each (time, half the width of a head)."""

_HEADS: Final = 4
_SPREAD: Final = 0.05  # of the first embeddings


class GRULM(nn.Module):
    """A GRU of two layers, with tied embeddings.

    Args:
        vocab_size: Rows of the embedding.
        size: For its width.
        hidden_size: Hidden size of the layers.
        seed: Seed of the weights.
    """

    def __init__(self, vocab_size: int, size: Size, hidden_size: int, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.embedding = nn.Embedding(vocab_size, size.hidden_size)
            nn.init.normal_(self.embedding.weight, 0, _SPREAD)
            self.layers = nn.GRU(size.hidden_size, hidden_size, num_layers=2)
            self.projection = nn.Linear(hidden_size, size.hidden_size)
            self.bias = nn.Parameter(torch.zeros(vocab_size))

    def forward(self, ids: Tensor) -> Tensor:
        """Return the logits of the token after each: (time, lanes) to (time, lanes, vocabulary)."""
        hidden, _ = self.layers(self.embedding(ids))
        return F.linear(self.projection(hidden), self.embedding.weight, self.bias)


class TransformerLM(nn.Module):
    """A Transformer with norms before its layers, rotary positions and tied embeddings.

    What a layer adds to its input starts small, as in the Wave LM.

    Args:
        vocab_size: Rows of the embedding.
        size: Its width, layers and feed-forward size.
        window: The longest sequence that it is trained on.
        seed: Seed of the weights.
    """

    def __init__(self, vocab_size: int, size: Size, window: int, seed: int) -> None:
        super().__init__()
        self.window = window
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.embedding = nn.Embedding(vocab_size, size.hidden_size)
            nn.init.normal_(self.embedding.weight, 0, _SPREAD)
            layers = [_Layer(size) for _ in range(size.num_layers)]
            self.layers: Sequence[_Layer] = nn.ModuleList(layers)  # type: ignore[assignment]
            self.norm = nn.LayerNorm(size.hidden_size)
            self.bias = nn.Parameter(torch.zeros(vocab_size))

    def forward(self, ids: Tensor) -> Tensor:
        """Return the logits of the token after each: (time, lanes) to (time, lanes, vocabulary)."""
        tokens = self.embedding(ids)
        rotation = _rotation(torch.arange(len(ids)), tokens.shape[2] // _HEADS)
        for layer in self.layers:
            tokens = layer(tokens, rotation)
        return F.linear(self.norm(tokens), self.embedding.weight, self.bias)

    @torch.no_grad()
    def steps(self, cache_size: int, first: int) -> Iterator[Tensor]:
        """Generate token by token with a cache of keys and values.

        Args:
            cache_size: How many positions the cache has room for; it is full of zeros at first.
            first: The position of the first token; those before it count as read.

        Yields:
            The logits of each token; the most likely one comes next.
        """
        width = self.embedding.embedding_dim
        caches = [torch.zeros(2, 1, _HEADS, cache_size, width // _HEADS) for _ in self.layers]
        token = torch.zeros(1, 1, dtype=torch.int64)
        for position in range(first, cache_size):
            tokens = self.embedding(token)
            rotation = _rotation(torch.tensor([position]), width // _HEADS)
            for layer, cache in zip(self.layers, caches, strict=True):
                tokens = layer.step(tokens, cache, position, rotation)
            logits = F.linear(self.norm(tokens), self.embedding.weight, self.bias)
            token = logits.argmax(dim=2)
            yield logits[0, 0]


class _Layer(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        hidden = size.hidden_size
        self.norm = nn.LayerNorm(hidden)
        self.heads = nn.Linear(hidden, 3 * hidden)
        self.out = nn.Linear(hidden, hidden)
        self.feed_forward_norm = nn.LayerNorm(hidden)
        self.expand = nn.Linear(hidden, size.feed_forward_size)
        self.contract = nn.Linear(size.feed_forward_size, hidden)
        for linear in (self.heads, self.out, self.expand, self.contract):
            adds = linear in (self.out, self.contract)
            scale = (2 * size.num_layers) ** -0.5 if adds else 1.0
            nn.init.normal_(linear.weight, 0, scale * linear.in_features**-0.5)
            nn.init.zeros_(linear.bias)

    def forward(self, tokens: Tensor, rotation: Rotation) -> Tensor:
        query, key, value = self._heads(tokens, rotation)
        seen = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self._rest(tokens, seen)

    def step(self, tokens: Tensor, cache: Tensor, position: int, rotation: Rotation) -> Tensor:
        query, key, value = self._heads(tokens, rotation)
        cache[0, :, :, position], cache[1, :, :, position] = key[:, :, 0], value[:, :, 0]
        keys, values = cache[:, :, :, : position + 1]
        return self._rest(tokens, F.scaled_dot_product_attention(query, keys, values))

    def _heads(self, tokens: Tensor, rotation: Rotation) -> tuple[Tensor, Tensor, Tensor]:
        """Return query, key and value, each (lanes, heads, time, width)."""
        time, lanes, hidden = tokens.shape
        parts = self.heads(self.norm(tokens)).view(time, lanes, 3, _HEADS, hidden // _HEADS)
        query, key, value = parts.permute(2, 1, 3, 0, 4)
        return _rotated(query, rotation), _rotated(key, rotation), value

    def _rest(self, tokens: Tensor, seen: Tensor) -> Tensor:
        tokens = tokens + self.out(seen.permute(2, 0, 1, 3).reshape(tokens.shape))
        inner = F.gelu(self.expand(self.feed_forward_norm(tokens)), approximate="tanh")
        result: Tensor = tokens + self.contract(inner)
        return result


def _rotation(positions: Tensor, width: int) -> Rotation:
    """Compute rotary positions (Su et al., RoFormer, 2021) for heads of a width."""
    rates = 10_000.0 ** (-torch.arange(0, width, 2) / width)
    angles = positions[:, None] * rates
    return angles.cos(), angles.sin()


def _rotated(values: Tensor, rotation: Rotation) -> Tensor:
    """Rotate pairs of dimensions, (lanes, heads, time, width)."""
    cos, sin = rotation
    first, second = values.chunk(2, dim=3)
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=3)
