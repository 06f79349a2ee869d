"""The tensors of the Wave LM, each declared once."""

from __future__ import annotations

from wave_network.config.wave_lm import WaveLMConfig
from wave_network.models.tensor_spec import ONE, Initial, TensorSpec

_EMBEDDING: Initial = Initial("normal", 0.05)
_NEIGHBOUR: Initial = Initial("normal", 0.1)
_DECAY: Initial = Initial("uniform", 3.0)


def tensor_specs(config: WaveLMConfig) -> tuple[TensorSpec, ...]:
    """Return the spec of every stored tensor."""
    hidden = config.hidden_size
    layers = [spec for layer in range(config.num_layers) for spec in _layer(config, layer)]
    return (
        TensorSpec(
            "embedding.weight", (config.vocab_size, hidden), "token table", initial=_EMBEDDING
        ),
        *layers,
        *_norm("norm", hidden),
        TensorSpec("bias", (config.vocab_size,), "head"),
    )


def _layer(config: WaveLMConfig, layer: int) -> tuple[TensorSpec, ...]:
    """Return the specs of one layer; its two outputs start small, so that depth does not matter."""
    hidden, inner = config.hidden_size, config.feed_forward_size
    name, small = f"layers.{layer}", (2 * config.num_layers) ** -0.5
    specs = [
        *_norm(f"{name}.norm", hidden),
        *_linear(f"{name}.variants", hidden, 2 * hidden),
        *_norm(f"{name}.readout_norm", 2 * hidden),
        *_linear(f"{name}.readout", 2 * hidden, hidden, small),
        *_norm(f"{name}.feed_forward_norm", hidden),
        *_linear(f"{name}.expand", hidden, inner),
        *_linear(f"{name}.contract", inner, hidden, small),
    ]
    if config.local_tokens:
        neighbours = (config.local_tokens, 2 * hidden)
        sides = ("neighbours", "followers") if config.masked else ("neighbours",)
        specs += [
            TensorSpec(f"{name}.{side}", neighbours, "layer", initial=_NEIGHBOUR) for side in sides
        ]
    if config.decay:
        specs.append(TensorSpec(f"{name}.decay", (hidden,), "layer", initial=_DECAY))
    return tuple(specs)


def _linear(name: str, inputs: int, outputs: int, scale: float = 1.0) -> tuple[TensorSpec, ...]:
    weights = Initial("normal", scale * inputs**-0.5)
    return (
        TensorSpec(f"{name}.weight", (outputs, inputs), "layer", initial=weights),
        TensorSpec(f"{name}.bias", (outputs,), "layer"),
    )


def _norm(name: str, size: int) -> tuple[TensorSpec, ...]:
    return (
        TensorSpec(f"{name}.weight", (size,), "norm", initial=ONE),
        TensorSpec(f"{name}.bias", (size,), "norm"),
    )
