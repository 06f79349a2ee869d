"""The tensors of the papers' network, each declared once."""

from __future__ import annotations

from wave_network.config import ModelConfig
from wave_network.models.tensor_spec import TensorSpec


def tensor_specs(config: ModelConfig) -> tuple[TensorSpec, ...]:
    """Return the spec of every stored tensor."""
    size, labels, width = config.hidden_size, config.num_labels, config.embedding_size
    specs = [
        TensorSpec("embedding.weight", (config.vocab_size, width), "token table", scales="row"),
        TensorSpec("classifier.weight", (labels, size), "head", label_axis=-2),
        TensorSpec("classifier.bias", (labels,), "head", label_axis=-1),
    ]
    if config.positions == "learned":
        specs.append(TensorSpec("positions.weight", (config.max_length, width), "positions"))
    for layer in range(config.num_layers):
        prefix = f"layers.{layer}"
        if config.variants == "linear":
            specs.append(TensorSpec(f"{prefix}.variants.weight", (2 * size, size), "layer"))
            specs.append(TensorSpec(f"{prefix}.variants.bias", (2 * size,), "layer"))
        specs += [
            TensorSpec(f"{prefix}.feed_forward.weight", (size, config.readout_size), "layer"),
            TensorSpec(f"{prefix}.feed_forward.bias", (size,), "layer"),
            TensorSpec(f"{prefix}.norm.weight", (size,), "norm"),
            TensorSpec(f"{prefix}.norm.bias", (size,), "norm"),
        ]
    return tuple(specs)
