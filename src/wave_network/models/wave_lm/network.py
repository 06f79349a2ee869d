"""The Wave LM in torch, for training.

The choices that make it a language model:

- Waves are causal: the global semantics is that of the prefix, and decays by a learnt factor for
  each dimension (`ops/causal.py`). In a masked model it is that of both sides, decaying with the
  distance (`ops/two_sided.py`).
- Before they become waves, a token's variants take in those of the tokens just before it (local
  waves), and in a masked model just after it.
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
from wave_network.models.wave_lm.numpy_layers import DECAY_OFFSET
from wave_network.models.wave_lm.tensors import tensor_specs
from wave_network.ops.causal import memory, past, represent_prefix
from wave_network.ops.real import Wave, interfere, modulate
from wave_network.ops.two_sided import following, memory_of_others, represent_two_sided


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

    def forward(self, ids: Tensor, wanted: Tensor | None = None) -> Tensor:
        """Return the logits of the token after each, or of a masked model those of each token.

        Args:
            ids: Packed documents in independent lanes, int64, (time, lanes). Each document begins
                with `config.start_id`, where the waves begin anew.
            wanted: The tokens whose logits are returned, bool, (time, lanes); None: all.

        Returns:
            (time, lanes, vocabulary), or (wanted tokens, vocabulary).
        """
        keep = (ids != self.config.start_id).to(self.bias.dtype).unsqueeze(2)
        tokens = self.embedding(ids)
        for layer in self.layers:
            tokens = layer(tokens, keep)
        tokens = tokens if wanted is None else tokens[wanted]
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
            if config.masked:
                self.followers = nn.Parameter(torch.empty(config.local_tokens, 2 * hidden))
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
            variants = self._with_neighbours(variants, keep)
        first, second = variants.chunk(2, dim=2)
        kept = keep * torch.sigmoid(self.decay + DECAY_OFFSET) if self.config.decay else keep
        kept = kept.expand_as(first)
        represent = represent_two_sided if self.config.masked else represent_prefix
        wave = represent(first, kept)
        if self.config.context == "memory" and self.config.masked:
            other = Wave(second, memory_of_others(wave, second, kept))
        elif self.config.context == "memory":
            other = Wave(second, memory(wave, second))
        else:
            other = represent(second, kept)
        combine = modulate if self.config.operation == "modulation" else interfere
        combined = torch.cat(combine(wave, other), dim=2)
        result: Tensor = self.readout(self.readout_norm(combined))
        return result

    def _with_neighbours(self, variants: Tensor, keep: Tensor) -> Tensor:
        before = with_neighbours(variants, self.neighbours, keep)
        if not self.config.masked:
            return before
        # From the end on, a document begins where another one begins after it.
        backwards = variants.flip(0), following(keep).flip(0)
        after = with_neighbours(backwards[0], self.followers, backwards[1]).flip(0)
        return before + after - variants


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
