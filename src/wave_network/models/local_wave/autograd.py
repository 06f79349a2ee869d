"""The features of the local wave network as one compiled forward and one compiled backward.

Torch needs some forty operations for them, most of them small, and a sort.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction, once_differentiable

from wave_network import _native
from wave_network.config import LocalWaveConfig
from wave_network.data.batch import PackedBatch
from wave_network.models.local_wave.native import native_shape
from wave_network.ops.packed import saved

if TYPE_CHECKING:
    from wave_network._native._extension import Shape


def is_plain(table: Tensor) -> bool:
    """Return whether compiled code can read a table: contiguous float32 on the CPU."""
    return table.device.type == "cpu" and table.dtype == torch.float32 and table.is_contiguous()


def can_be_compiled(*tables: Tensor) -> bool:
    """Return whether the extension was built and can read these tables."""
    return _native.compiled is not None and all(map(is_plain, tables))


def compiled_features(
    embedding: nn.Embedding, bigrams: nn.Embedding, batch: PackedBatch, config: LocalWaveConfig
) -> Tensor:
    """Compute the features of each text; differentiable once.

    Args:
        embedding: Both variants of the tokens, (vocabulary, 2 * members * hidden).
        bigrams: The table of hashed bigrams, (buckets, members * columns).
        batch: Packed texts, on the CPU.
        config: The model's configuration.

    Returns:
        float32, (members, texts, features). A table with `sparse` set gets a sparse gradient.
    """
    sparse = (embedding.sparse, bigrams.sparse)
    texts = _Texts(
        *_packed(batch), native_shape(config), (config.members, config.feature_size), sparse
    )
    features: Tensor = _Features.apply(embedding.weight, bigrams.weight, texts)  # type: ignore[no-untyped-call]
    return features.transpose(0, 1)


def compiled_margins(
    tokens: nn.Embedding, bigrams: nn.Embedding, batch: PackedBatch, config: LocalWaveConfig
) -> Tensor:
    """Compute the logits of a linear part, without its bias; float32, (texts, labels).

    Args:
        tokens: The table of tokens, (vocabulary, labels).
        bigrams: The table of hashed n-grams, (buckets, labels).
        batch: Packed texts, on the CPU.
        config: The model's configuration.
    """
    count = len(batch.offsets) - 1
    margins = torch.zeros(count, config.num_labels)
    _native.compiled.features_forward(
        native_shape(config),
        *_packed(batch),
        np.empty((count, config.members, 0), np.float32),
        margins.numpy(),
        np.empty((config.vocab_size, 0), np.float32),
        np.empty((config.bigram_buckets, 0), np.float32),
        tokens.weight.detach().numpy(),
        bigrams.weight.detach().numpy(),
    )
    return margins


def _packed(batch: PackedBatch) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    return batch.ids.to(torch.int32).numpy(), batch.offsets.numpy()


class _Texts(NamedTuple):
    """Packed texts, and the settings for computing their features."""

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    shape: Shape
    features: tuple[int, int]  # (members, features)
    sparse: tuple[bool, bool]


class _Context(BackwardCFunction):
    """What `_Features` keeps from forward to backward."""

    texts: _Texts


class _Features(torch.autograd.Function):
    @staticmethod
    def forward(ctx: _Context, embedding: Tensor, bigrams: Tensor, texts: _Texts) -> Tensor:
        count = len(texts.offsets) - 1
        features = torch.empty(count, *texts.features)
        no_labels = np.empty((count, 0), np.float32)
        _native.compiled.features_forward(
            texts.shape,
            texts.ids,
            texts.offsets,
            features.numpy(),
            no_labels,
            embedding.detach().numpy(),
            bigrams.detach().numpy(),
            no_labels,
            no_labels,
        )
        ctx.save_for_backward(embedding, bigrams, features)
        ctx.texts = texts
        return features

    @staticmethod
    @once_differentiable
    def backward(ctx: _Context, gradient: Tensor) -> tuple[Tensor | None, ...]:
        embedding, bigrams, features = saved(ctx)
        texts = ctx.texts
        rows, values, bigram_rows, bigram_values = _native.compiled.features_backward(
            texts.shape,
            texts.ids,
            texts.offsets,
            embedding.detach().numpy(),
            bigrams.detach().numpy(),
            features.numpy(),
            gradient.contiguous().numpy(),
        )
        return (
            _gradient_of(embedding, rows, values, sparse=texts.sparse[0]),
            _gradient_of(bigrams, bigram_rows, bigram_values, sparse=texts.sparse[1]),
            None,
        )


def _gradient_of(table: Tensor, rows: bytearray, values: bytearray, *, sparse: bool) -> Tensor:
    """Return the gradient of a table, given the gradients of some of its rows, ascending."""
    if not rows:  # torch rejects an empty buffer
        rows, values = bytearray(8), bytearray(4 * table.shape[1])
    gradient = torch.sparse_coo_tensor(
        torch.frombuffer(rows, dtype=torch.int64).unsqueeze(0),
        torch.frombuffer(values, dtype=torch.float32).view(-1, table.shape[1]),
        table.shape,
        is_coalesced=True,
        check_invariants=False,
    )
    return gradient if sparse else gradient.to_dense()
