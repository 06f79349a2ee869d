"""The tensors of each model family: their names, shapes and counts."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.config import ClassifierConfig, LocalWaveConfig, ModelConfig

EMBEDDING_TABLES: Final = ("embedding", "bigrams", "linear.tokens", "linear.bigrams")
"""The modules that hold a row a token or a pair of tokens: most of a model's parameters."""

Tensors = dict[str, NDArray[np.float32]]


def tensor_shapes(config: ClassifierConfig) -> dict[str, tuple[int, ...]]:
    """Name and shape of every stored tensor: the model's state dict, without torch."""
    if isinstance(config, LocalWaveConfig):
        return _local_wave_shapes(config)
    assert isinstance(config, ModelConfig)
    return _wave_shapes(config)


def _wave_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    size = config.hidden_size
    shapes: dict[str, tuple[int, ...]] = {
        "embedding.weight": (config.vocab_size, config.embedding_size),
        "classifier.weight": (config.num_labels, size),
        "classifier.bias": (config.num_labels,),
    }
    if config.positions == "learned":
        shapes["positions.weight"] = (config.max_length, config.embedding_size)
    for layer in range(config.num_layers):
        prefix = f"layers.{layer}"
        if config.variants == "linear":
            shapes[f"{prefix}.variants.weight"] = (2 * size, size)
            shapes[f"{prefix}.variants.bias"] = (2 * size,)
        read_size = 2 * size if config.readout == "concat" else size
        shapes[f"{prefix}.feed_forward.weight"] = (size, read_size)
        for name in ("feed_forward.bias", "norm.weight", "norm.bias"):
            shapes[f"{prefix}.{name}"] = (size,)
    return shapes


def _local_wave_shapes(config: LocalWaveConfig) -> dict[str, tuple[int, ...]]:
    members, hidden = config.members, config.feed_forward_size
    features = 3 * config.hidden_size + config.bigram_size
    shapes: dict[str, tuple[int, ...]] = {
        "embedding.weight": (config.vocab_size, 2 * members * config.hidden_size),
        "bigrams.weight": (config.bigram_buckets, members * config.bigram_size),
        "feed_forward.weight": (members, features, hidden),
        "feed_forward.bias": (members, 1, hidden),
        "norm.weight": (members, 1, hidden),
        "norm.bias": (members, 1, hidden),
        "classifier.weight": (members, hidden, config.num_labels),
        "classifier.bias": (members, 1, config.num_labels),
        "shortcut.weight": (members, features, config.num_labels),
        "shortcut.bias": (members, 1, config.num_labels),
    }
    if config.linear_buckets:
        shapes["linear.tokens.weight"] = (config.vocab_size, config.num_labels)
        shapes["linear.bigrams.weight"] = (config.linear_buckets, config.num_labels)
        shapes["linear.bias"] = (config.num_labels,)
    return shapes


def parameter_counts(config: ClassifierConfig) -> dict[str, int]:
    """All trained parameters, and those of the embedding tables (tokens, pairs) among them."""
    counts = {name: int(np.prod(shape)) for name, shape in tensor_shapes(config).items()}
    tables = (counts.get(f"{table}.weight", 0) for table in EMBEDDING_TABLES)
    return {"total": sum(counts.values()), "embedding": sum(tables)}
