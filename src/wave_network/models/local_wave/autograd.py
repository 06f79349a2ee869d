"""The sums of the local wave network and their gradients in one pass each, by `_local_waves.c`.

Torch takes some forty operations for them, most of them on few numbers, and a sort.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction, once_differentiable

from wave_network.config import LocalWaveConfig
from wave_network.data.batch import PackedBatch
from wave_network.models.local_wave.ngrams import compiled, compiled_shape
from wave_network.ops.packed import saved


def is_plain(table: Tensor) -> bool:
    """Whether compiled code can read a table as it is: 32-bit numbers on the CPU, row by row."""
    return table.device.type == "cpu" and table.dtype == torch.float32 and table.is_contiguous()


def can_be_compiled(*tables: Tensor) -> bool:
    """Whether `compiled_features` was built and can compute with such tables."""
    return compiled is not None and all(map(is_plain, tables))


def compiled_features(
    embedding: nn.Embedding, bigrams: nn.Embedding, batch: PackedBatch, config: LocalWaveConfig
) -> Tensor:
    """What the heads read of each text; differentiable once.

    Args:
        embedding: Both variants of the tokens, (vocabulary, 2 * members * hidden).
        bigrams: The rows of hashed pairs, (buckets, members * columns).
        batch: Packed texts, on the CPU.
        config: The model's shape.

    Returns:
        float32, (members, texts, features). The gradients are sparse where the tables say so.
    """
    sparse = (embedding.sparse, bigrams.sparse)
    texts = _Texts(batch.ids.to(torch.int32).numpy(), batch.offsets.numpy(), config, sparse)
    features: Tensor = _Features.apply(embedding.weight, bigrams.weight, texts)  # type: ignore[no-untyped-call]
    return features.transpose(0, 1)


def compiled_margins(
    tokens: nn.Embedding, bigrams: nn.Embedding, batch: PackedBatch, config: LocalWaveConfig
) -> Tensor:
    """The sums of a linear part over each text, without its bias; float32, (texts, labels).

    Args:
        tokens: (vocabulary, labels).
        bigrams: The rows of hashed n-grams, (buckets, labels).
        batch: Packed texts, on the CPU.
        config: The model's shape.
    """
    count = len(batch.offsets) - 1
    margins = torch.zeros(count, config.num_labels)
    nothing = np.empty((count, config.members, 0), np.float32)
    compiled.text_sums(
        batch.ids.to(torch.int32).numpy(),
        batch.offsets.numpy(),
        np.empty((config.vocab_size, 0), np.float32),
        np.empty((config.bigram_buckets, 0), np.float32),
        tokens.weight.detach().numpy(),
        bigrams.weight.detach().numpy(),
        nothing,
        margins.numpy(),
        compiled_shape(config),
    )
    return margins


class _Texts(NamedTuple):
    """Packed texts, and how their features are computed."""

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    config: LocalWaveConfig
    sparse: tuple[bool, bool]


class _Context(BackwardCFunction):
    """What `_Features` keeps between its passes."""

    texts: _Texts


class _Features(torch.autograd.Function):
    @staticmethod
    def forward(ctx: _Context, embedding: Tensor, bigrams: Tensor, texts: _Texts) -> Tensor:
        config = texts.config
        count = len(texts.offsets) - 1
        features = torch.empty(count, config.members, config.feature_size)
        no_labels = np.empty((count, 0), np.float32)
        compiled.text_sums(
            texts.ids,
            texts.offsets,
            embedding.detach().numpy(),
            bigrams.detach().numpy(),
            no_labels,
            no_labels,
            features.numpy(),
            no_labels,
            compiled_shape(config),
        )
        ctx.save_for_backward(embedding, bigrams, features)
        ctx.texts = texts
        return features

    @staticmethod
    @once_differentiable
    def backward(ctx: _Context, gradient: Tensor) -> tuple[Tensor | None, ...]:
        embedding, bigrams, features = saved(ctx)
        texts = ctx.texts
        rows, values, pair_rows, pair_values = compiled.text_gradients(
            texts.ids,
            texts.offsets,
            embedding.detach().numpy(),
            bigrams.detach().numpy(),
            features.numpy(),
            gradient.contiguous().numpy(),
            compiled_shape(texts.config),
        )
        return (
            _gradient_of(embedding, rows, values, sparse=texts.sparse[0]),
            _gradient_of(bigrams, pair_rows, pair_values, sparse=texts.sparse[1]),
            None,
        )


def _gradient_of(table: Tensor, rows: bytearray, values: bytearray, *, sparse: bool) -> Tensor:
    """The gradient of a table from that of some of its rows, which ascend."""
    if not rows:  # torch takes no buffer of nothing
        rows, values = bytearray(8), bytearray(4 * table.shape[1])
    gradient = torch.sparse_coo_tensor(
        torch.frombuffer(rows, dtype=torch.int64).unsqueeze(0),
        torch.frombuffer(values, dtype=torch.float32).view(-1, table.shape[1]),
        table.shape,
        is_coalesced=True,
        check_invariants=False,
    )
    return gradient if sparse else gradient.to_dense()
