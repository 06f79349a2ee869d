"""The tensors of any model: their declarations, shapes and counts."""

from __future__ import annotations

from math import prod

from wave_network.config import ClassifierConfig
from wave_network.models.registry import family_of
from wave_network.models.tensor_spec import TensorSpec


def tensor_specs(config: ClassifierConfig) -> tuple[TensorSpec, ...]:
    """Every stored tensor of a model of that shape, as its family declares it."""
    return family_of(config).tensor_specs(config)


def tensor_shapes(config: ClassifierConfig) -> dict[str, tuple[int, ...]]:
    """Name and shape of every stored tensor: the model's state dict, without torch."""
    return {spec.name: spec.shape for spec in tensor_specs(config)}


def parameter_counts(config: ClassifierConfig) -> dict[str, int]:
    """The number of trained parameters: in `total`, and of them in `embedding` tables."""
    specs = tensor_specs(config)
    return {
        "total": sum(prod(spec.shape) for spec in specs),
        "embedding": sum(prod(spec.shape) for spec in specs if spec.is_table),
    }
