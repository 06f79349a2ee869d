"""The tensors of the local wave network, each declared once.

The order matters: the compiled code takes the tables and the heads' weights in this order.
"""

from __future__ import annotations

from functools import partial

from wave_network.config import LocalWaveConfig
from wave_network.models.tensor_spec import ONE, Initial, TensorSpec


def tensor_specs(config: LocalWaveConfig) -> tuple[TensorSpec, ...]:
    """Return the spec of every stored tensor."""
    specs = (*_wave_tables(config), *_heads(config))
    return (*specs, *_linear_part(config)) if config.has_linear_part else specs


def table_names(config: LocalWaveConfig) -> list[str]:
    """Return the tables in the compiled code's order, the linear part's included even if absent."""
    specs = (*_wave_tables(config), *_dense_linear_part(config))
    return [spec.name for spec in specs if spec.is_table]


def head_names(config: LocalWaveConfig) -> list[str]:
    """Return the weights of the heads in the compiled code's order."""
    return [spec.name for spec in _heads(config)]


def _wave_tables(config: LocalWaveConfig) -> tuple[TensorSpec, ...]:
    tokens = (config.vocab_size, 2 * config.members * config.hidden_size)
    bigrams = (config.bigram_buckets, config.members * config.bigram_size)
    return (
        TensorSpec(
            "embedding.weight",
            tokens,
            "token table",
            scales="row",
            new_token="mean",
            initial=Initial("normal", config.initializer_range),
        ),
        # 0, so that an unseen bigram has no effect.
        TensorSpec("bigrams.weight", bigrams, "n-gram table", scales="table"),
    )


def _linear_part(config: LocalWaveConfig) -> tuple[TensorSpec, ...]:
    if config.sparse_linear_size:
        return _sparse_linear_part(config)
    return _dense_linear_part(config)


def _sparse_linear_part(config: LocalWaveConfig) -> tuple[TensorSpec, ...]:
    """Return the specs of a matrix in compressed rows: those of the tokens, then of the buckets."""
    rows, size = config.vocab_size + config.linear_buckets, config.sparse_linear_size
    part = partial(TensorSpec, role="linear part")
    return (
        part("linear.starts", (rows + 1,), dtype="int32", new_token="sum"),
        part("linear.labels", (size,), dtype="int32"),
        part("linear.values.weight", (size, 1), scales="table"),
        part("linear.bias", (config.num_labels,), label_axis=-1),
    )


def _dense_linear_part(config: LocalWaveConfig) -> tuple[TensorSpec, ...]:
    labels = config.num_labels
    part = partial(TensorSpec, role="linear part", label_axis=-1)
    return (
        part("linear.tokens.weight", (config.vocab_size, labels), scales="table", new_token="sum"),
        part("linear.bigrams.weight", (config.linear_buckets, labels), scales="table"),
        part("linear.bias", (labels,)),
    )


def _heads(config: LocalWaveConfig) -> tuple[TensorSpec, ...]:
    members, features, labels = config.members, config.feature_size, config.num_labels
    hidden = config.feed_forward_size
    # As in torch's `nn.Linear`.
    of_features = Initial("uniform", features**-0.5)
    of_hidden = Initial("uniform", hidden**-0.5)
    layer = partial(TensorSpec, role="layer")
    head = partial(TensorSpec, role="head", label_axis=-1)
    return (
        layer("feed_forward.weight", (members, features, hidden), initial=of_features),
        layer("feed_forward.bias", (members, 1, hidden), initial=of_features),
        TensorSpec("norm.weight", (members, 1, hidden), "norm", initial=ONE),
        TensorSpec("norm.bias", (members, 1, hidden), "norm"),
        head("classifier.weight", (members, hidden, labels), initial=of_hidden),
        head("classifier.bias", (members, 1, labels), initial=of_hidden),
        head("shortcut.weight", (members, features, labels), initial=of_features),
        head("shortcut.bias", (members, 1, labels), initial=of_features),
    )
