"""The sums of the local wave network in one pass each, compiled; where no gradient is needed.

Torch takes some forty operations for them, most of them on few numbers.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wave_network import _native
from wave_network.config import LocalWaveConfig
from wave_network.data.batch import PackedBatch
from wave_network.models.local_wave.native import native_shape


def is_plain(table: Tensor) -> bool:
    """Whether compiled code can read a table as it is: 32-bit floats on the CPU, row by row."""
    return table.device.type == "cpu" and table.dtype == torch.float32 and table.is_contiguous()


def can_be_compiled(*tables: Tensor) -> bool:
    """Whether the extension was built and can read such tables, whose gradients nobody needs."""
    needs_gradient = torch.is_grad_enabled() and any(table.requires_grad for table in tables)
    return _native.compiled is not None and not needs_gradient and all(map(is_plain, tables))


def compiled_features(
    embedding: nn.Embedding, bigrams: nn.Embedding, batch: PackedBatch, config: LocalWaveConfig
) -> Tensor:
    """The features of each text.

    Args:
        embedding: Both variants of the tokens, (vocabulary, 2 * members * hidden).
        bigrams: The rows of hashed bigrams, (buckets, members * columns).
        batch: Packed texts, on the CPU.
        config: The model's shape.

    Returns:
        float32, (members, texts, features).
    """
    count, size = len(batch.offsets) - 1, 3 * config.hidden_size + config.bigram_size
    features = torch.empty(count, config.members, size)
    no_labels = np.empty((count, 0), np.float32)
    _native.compiled.features_forward(
        native_shape(config),
        *_packed(batch),
        features.numpy(),
        no_labels,
        embedding.weight.detach().numpy(),
        bigrams.weight.detach().numpy(),
        no_labels,
        no_labels,
    )
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
