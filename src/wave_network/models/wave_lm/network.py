"""The Wave LM in torch, for training.

The choices that make it a language model:

- Waves are causal: the global semantics is that of the prefix, and decays by a learnt factor for
  each dimension (`ops/causal.py`).
- Before they become waves, a token's variants take in those of the tokens just before it (local
  waves).
- The phase of the first wave decides what the memory of the second one forgets: where a token has
  most of the prefix's energy, the memory becomes its value.
- Every layer adds to its input (paper 1, Eq. 8), and so does a feed-forward layer after it.
- The embedding is the output matrix, too.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wave_network.config.wave_lm import WaveLMConfig
from wave_network.models.tensor_spec import initial_tensors
from wave_network.models.torch_random import DrawnFrom
from wave_network.models.wave_lm.numpy_network import DECAY_OFFSET
from wave_network.models.wave_lm.tensors import tensor_specs
from wave_network.ops.causal import memory, past, represent_prefix
from wave_network.ops.real import Wave, interfere, modulate


class WaveLM(nn.Module):
    """A Wave LM with random weights.

    Args:
        config: Its configuration.
        seed: Seed of its weights.
    """

    def __init__(self, config: WaveLMConfig, seed: int) -> None:
        super().__init__()
        self.config = config
        with DrawnFrom(torch.Generator()):  # torch draws weights, which are then replaced
            self.embedding = nn.Embedding(config.vocab_size, config.hidden_size)
            self.layers = nn.ModuleList(WaveLayer(config) for _ in range(config.num_layers))
            self.norm = nn.LayerNorm(config.hidden_size)
            self.bias = nn.Parameter(torch.empty(config.vocab_size))
        tensors = initial_tensors(tensor_specs(config), seed)
        weights = {name: torch.from_numpy(tensor) for name, tensor in tensors.items()}
        self.load_state_dict(weights)

    def forward(self, ids: Tensor) -> Tensor:
        """Return the logits of the token after each.

        Args:
            ids: Packed documents in independent lanes, int64, (time, lanes). Each document begins
                with the last id of the vocabulary, where the waves begin anew.

        Returns:
            (time, lanes, vocabulary).
        """
        keep = (ids != self.config.vocab_size - 1).to(self.bias.dtype).unsqueeze(2)
        tokens = self.embedding(ids)
        for layer in self.layers:
            tokens = layer(tokens, keep)
        return F.linear(self.norm(tokens), self.embedding.weight, self.bias)


class WaveLayer(nn.Module):
    """A wave layer, and a feed-forward layer; both add to their input."""

    def __init__(self, config: WaveLMConfig) -> None:
        super().__init__()
        hidden, inner = config.hidden_size, config.feed_forward_size
        self.config = config
        self.norm = nn.LayerNorm(hidden)
        self.variants = nn.Linear(hidden, 2 * hidden)
        self.readout_norm = nn.LayerNorm(2 * hidden)
        self.readout = nn.Linear(2 * hidden, hidden)
        self.feed_forward_norm = nn.LayerNorm(hidden)
        self.expand = nn.Linear(hidden, inner)
        self.contract = nn.Linear(inner, hidden)
        if config.local_tokens:
            self.neighbours = nn.Parameter(torch.empty(config.local_tokens, 2 * hidden))
        if config.decay:
            self.decay = nn.Parameter(torch.empty(hidden))

    def forward(self, tokens: Tensor, keep: Tensor) -> Tensor:
        """Return the tokens of the next layer.

        Args:
            tokens: (time, lanes, hidden).
            keep: 0 where a document begins, else 1, (time, lanes, 1).
        """
        tokens = tokens + self._waves(self.norm(tokens), keep)
        inner = F.gelu(self.expand(self.feed_forward_norm(tokens)), approximate="tanh")
        result: Tensor = tokens + self.contract(inner)
        return result

    def _waves(self, tokens: Tensor, keep: Tensor) -> Tensor:
        variants = self.variants(tokens)
        if self.config.local_tokens:
            variants = with_neighbours(variants, self.neighbours, keep)
        first, second = variants.chunk(2, dim=2)
        kept = keep * torch.sigmoid(self.decay + DECAY_OFFSET) if self.config.decay else keep
        kept = kept.expand_as(first)
        wave = represent_prefix(first, kept)
        if self.config.context == "memory":
            other = Wave(second, memory(wave, second))
        else:
            other = represent_prefix(second, kept)
        combine = modulate if self.config.operation == "modulation" else interfere
        combined = torch.cat(combine(wave, other), dim=2)
        result: Tensor = self.readout(self.readout_norm(combined))
        return result


def with_neighbours(variants: Tensor, weights: Tensor, keep: Tensor) -> Tensor:
    """Let the waves of the tokens before interfere, within the same document.

    Args:
        variants: (time, lanes, 2 * hidden).
        weights: Of the token before, the one before that and so on, (tokens, 2 * hidden).
        keep: 0 where a document begins, else 1, (time, lanes, 1).
    """
    result, before = variants, variants
    for weight in weights:
        before = keep * past(before)
        result = result + weight * before
    return result
