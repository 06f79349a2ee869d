"""The local wave network: the model of `small`, `tiny` and `large`, on packed batches.

The papers' single layer sees a bag of words. Here the waves of neighbouring tokens are combined
first, so that word order counts. For a text of n tokens with the variants u and v (two stored
tables, as in `variants="embedding"` of the papers' model), these are computed per dimension:

- the coherent sum of the waves' real parts, sum_j u_j / sqrt(n);
- the global semantics G = sqrt(sum_j u_j^2) (paper 1, Eq. 1);
- the global semantics of the local waves: w_j = v_j u_{j-1} (modulation of neighbours, in units of
  the initial standard deviation) or w_j = v_j + u_{j-1} (interference);
- the coherent sum over hashed bigrams, which can represent what single tokens cannot: "not good"
  is neither "not" nor "good".

Two heads take these features: a linear one, and a feed-forward layer with GELU and LayerNorm. Their
logits are added. Each of several `members` has its own columns and heads; the prediction is the
mean of their probabilities.

There may also be a linear part, which sums the weights of tokens and of hashed n-grams to logits.
All kinds of n-grams share one table: bigrams and, if `linear_ngrams` names them, skip-grams and
trigrams. It gets no gradients; `training/local_wave/linear_part.py` fits it afterwards.

Two choices, both measured (`dev/LOG.md`): a large vocabulary with few dimensions beats a small one
with many; members trained separately beat one network of their joint width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wave_network import ops
from wave_network.config import LocalWaveConfig
from wave_network.config.local_wave import Ngram
from wave_network.data.batch import PackedBatch
from wave_network.models.local_wave.autograd import (
    can_be_compiled,
    compiled_features,
    compiled_margins,
)
from wave_network.models.local_wave.ngrams import ENERGY_FLOOR, NGRAMS, ngram_buckets
from wave_network.models.local_wave.tensors import tensor_specs
from wave_network.models.tensor_spec import initial_tensors
from wave_network.models.torch_network import ClassifierNetwork


class LocalWaveNetwork(ClassifierNetwork):
    """A text classifier that combines the waves of neighbouring tokens and hashed bigrams.

    Args:
        config: The model's configuration.
        seed: Seed of the initial weights; None: drawn by torch's global generator.
    """

    config: LocalWaveConfig

    def __init__(self, config: LocalWaveConfig, seed: int | None = None) -> None:
        specs = tensor_specs(config)
        super().__init__(config, specs)
        width = config.members * config.hidden_size
        self.embedding = _empty_table(config.vocab_size, 2 * width)
        self.bigrams = _empty_table(config.bigram_buckets, config.members * config.bigram_size)
        features, hidden = config.feature_size, config.feed_forward_size
        self.feed_forward = MemberLinear(config.members, features, hidden)
        self.norm = MemberNorm(config.members, hidden)
        self.classifier = MemberLinear(config.members, hidden, config.num_labels)
        self.shortcut = MemberLinear(config.members, features, config.num_labels)
        self.linear = _linear_part(config)
        if self.embedding.weight.is_meta:  # a loader fills the weights in
            return
        if seed is None:
            seed = int(torch.randint(2**63 - 1, (), device="cpu"))
        with torch.no_grad():
            state = self.state_dict()
            for name, values in initial_tensors(specs, seed).items():
                state[name].copy_(torch.from_numpy(values))

    def forward(self, batch: PackedBatch) -> Tensor:
        """Classify packed texts.

        Args:
            batch: Token ids and offsets.

        Returns:
            The logits, (texts, labels); with several members, those of their mean probabilities.
            In training mode the logits of each member, (members, texts, labels), without the
            linear part: each member has its own loss.
        """
        features = self._features(batch)  # (members, texts, features)
        # The tanh approximation, because the runtime uses NumPy, which has no erf.
        hidden = F.gelu(self.feed_forward(features), approximate="tanh")
        logits: Tensor = self.classifier(self.norm(hidden)) + self.shortcut(features)
        if self.training:
            return logits
        logits = self.joint_logits(logits)
        return logits if self.linear is None else logits + self.linear(batch)

    def _features(self, batch: PackedBatch) -> Tensor:
        """Compute the input of the heads, (members, texts, features)."""
        if can_be_compiled(self.embedding.weight, self.bigrams.weight):
            return compiled_features(self.embedding, self.bigrams, batch, self.config)
        offsets, members = batch.offsets, self.config.members
        distinct, index = torch.unique(batch.ids, return_inverse=True)
        u, v = self.embedding(distinct).chunk(2, dim=1)  # (distinct, members * hidden)
        lengths = offsets.diff().unsqueeze(1).to(u.dtype)  # (texts, 1)
        sums = F.embedding_bag(
            index, torch.cat([u, u.square()], dim=1), offsets, mode="sum", include_last_offset=True
        )
        coherent, energy = sums.chunk(2, dim=1)  # (texts, members * hidden)
        local_energy = ops.segment_sum(self._local_waves(u, v, index, offsets).square(), offsets)
        parts = [
            coherent / lengths.sqrt(),
            (energy + ENERGY_FLOOR).sqrt(),
            (local_energy + ENERGY_FLOOR).sqrt(),
            sum_bigrams(self.bigrams, batch) / (lengths - 1).clamp(min=1).sqrt(),
        ]
        by_member = [part.view(len(part), members, -1) for part in parts]  # (texts, members, ...)
        return torch.cat(by_member, dim=2).transpose(0, 1)

    def _local_waves(self, u: Tensor, v: Tensor, index: Tensor, offsets: Tensor) -> Tensor:
        """Combine v of each token with u of the token before it; 0 for a text's first token."""
        # Not by indexing: its backward pass adds in a different order each time.
        own, before = F.embedding(index, v), F.embedding(index.roll(1), u)  # (tokens, width)
        if self.config.operation == "modulation":
            local = own * before / self.config.initializer_range
        else:
            local = own + before
        return local.index_fill(0, offsets[:-1], 0.0)


def _empty_table(rows: int, columns: int) -> nn.Embedding:
    """Return a table that is not initialised, and draws nothing."""
    return nn.Embedding(rows, columns, _weight=torch.empty(rows, columns))


def _linear_part(config: LocalWaveConfig) -> LinearPart | SparseLinearPart | None:
    if config.sparse_linear_size:
        return SparseLinearPart(config)
    return LinearPart(config) if config.has_linear_part else None


class LinearPart(nn.Module):
    """A linear model of tokens and hashed n-grams; its weights are 0 until they are fitted.

    Args:
        config: The model's configuration.
    """

    def __init__(self, config: LocalWaveConfig) -> None:
        super().__init__()
        self.config = config
        self.tokens = _empty_table(config.vocab_size, config.num_labels)
        self.bigrams = _empty_table(config.linear_buckets, config.num_labels)
        self.bias = nn.Parameter(torch.empty(config.num_labels))
        self.requires_grad_(requires_grad=False)

    def forward(self, batch: PackedBatch) -> Tensor:
        """Compute the logits, (texts, labels)."""
        if can_be_compiled(self.tokens.weight, self.bigrams.weight):
            return compiled_margins(self.tokens, self.bigrams, batch, self.config) + self.bias
        lengths = batch.offsets.diff()  # (texts,)
        # In 64 bits: single terms may be large and cancel each other.
        exact = self.bias.dtype if self.bias.device.type == "mps" else torch.float64
        tokens, ngrams = self.bias.new_zeros(2, len(lengths), len(self.bias), dtype=exact)
        text_of = torch.repeat_interleave(lengths)  # of each token
        tokens.index_add_(0, text_of, F.embedding(batch.ids, self.tokens.weight).to(exact))
        for kind in self.config.linear_ngrams:
            last, buckets = ngrams_within(kind, batch, self.bigrams.num_embeddings)
            rows = F.embedding(buckets, self.bigrams.weight).to(exact)
            ngrams.index_add_(0, text_of[last], rows)
        lengths = lengths.unsqueeze(1).to(exact)
        # One scale for all kinds of n-grams, though a text has fewer of the longer ones.
        result: Tensor = tokens / lengths.sqrt() + ngrams / (lengths - 1).clamp(min=1).sqrt()
        return result.to(self.bias.dtype) + self.bias


class SparseLinearPart(nn.Module):
    """A linear part that stores only its largest weights, as `sparse.py` says; none at first.

    Args:
        config: The model's configuration.
    """

    starts: Tensor
    labels: Tensor

    def __init__(self, config: LocalWaveConfig) -> None:
        super().__init__()
        self.config, size = config, config.sparse_linear_size
        rows = config.vocab_size + config.linear_buckets
        self.register_buffer("starts", torch.zeros(rows + 1, dtype=torch.int32))
        self.register_buffer("labels", torch.zeros(size, dtype=torch.int32))
        self.values = _empty_table(size, 1)
        self.bias = nn.Parameter(torch.empty(config.num_labels))
        self.requires_grad_(requires_grad=False)

    def forward(self, batch: PackedBatch) -> Tensor:
        """Compute the logits, (texts, labels)."""
        lengths, config = batch.offsets.diff(), self.config
        exact = self.bias.dtype if self.bias.device.type == "mps" else torch.float64
        text_of = torch.repeat_interleave(lengths)  # of each token
        scales = lengths.to(exact).rsqrt()
        sums = self.bias.new_zeros(len(lengths) * config.num_labels, dtype=exact)
        self._add_rows(sums, batch.ids, text_of, scales[text_of])
        scales = (lengths - 1).clamp(min=1).to(exact).rsqrt()
        for kind in config.linear_ngrams:
            last, buckets = ngrams_within(kind, batch, config.linear_buckets)
            texts = text_of[last]
            self._add_rows(sums, config.vocab_size + buckets, texts, scales[texts])
        return sums.view(len(lengths), -1).to(self.bias.dtype) + self.bias

    def _add_rows(self, sums: Tensor, rows: Tensor, texts: Tensor, scales: Tensor) -> None:
        """Add the scaled rows of tokens or n-grams to their texts' logits, (texts * labels,)."""
        begins, ends = self.starts[rows].long(), self.starts[rows + 1].long()
        counts = ends - begins
        which = torch.repeat_interleave(counts)
        entries = torch.arange(len(which), device=rows.device) + (ends - counts.cumsum(0))[which]
        places = texts[which] * self.config.num_labels + self.labels[entries]
        weights = self.values.weight[entries, 0].to(sums.dtype) * scales[which]
        sums.index_add_(0, places, weights)


def ngrams_within(ngram: Ngram, batch: PackedBatch, buckets: int) -> tuple[Tensor, Tensor]:
    """Return the last tokens and the buckets of all n-grams of a kind within texts.

    Both are (n-grams,).
    """
    ids, offsets = batch.ids, batch.offsets
    reach = NGRAMS[ngram].reach
    within = torch.ones(len(ids) + reach, dtype=torch.bool, device=ids.device)
    for place in range(reach):  # a text's first tokens end no n-gram
        within[offsets[:-1] + place] = False
    last = within[: len(ids)].nonzero().squeeze(1)
    return last, ngram_buckets(ngram, ids, buckets)[last - reach]


def sum_bigrams(table: nn.Embedding, batch: PackedBatch) -> Tensor:
    """Sum the rows of all hashed bigrams in each text, (texts, columns)."""
    _, buckets = ngrams_within("pair", batch, table.num_embeddings)
    return F.embedding_bag(
        buckets,
        table.weight,
        F.pad((batch.offsets.diff() - 1).cumsum(0), (1, 0)),
        mode="sum",
        sparse=table.sparse,
        include_last_offset=True,
    )


class MemberLinear(nn.Module):
    """One linear layer per member: (members, texts, inputs) to (members, texts, outputs)."""

    def __init__(self, members: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs))
        self.bias = nn.Parameter(torch.empty(members, 1, outputs))

    def forward(self, values: Tensor) -> Tensor:
        """Apply each member's layer."""
        return torch.baddbmm(self.bias, values, self.weight)


class MemberNorm(nn.Module):
    """LayerNorm over the last axis, with a separate scale and shift per member."""

    def __init__(self, members: int, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(members, 1, size))
        self.bias = nn.Parameter(torch.empty(members, 1, size))

    def forward(self, values: Tensor) -> Tensor:
        """Normalise; the shape stays."""
        return F.layer_norm(values, values.shape[-1:]) * self.weight + self.bias
