"""The tensors of any model: specs, shapes and parameter counts."""

from __future__ import annotations

from math import prod

from wave_network.config import ClassifierConfig
from wave_network.models.registry import family_of
from wave_network.models.tensor_spec import TensorSpec


def tensor_specs(config: ClassifierConfig) -> tuple[TensorSpec, ...]:
    """Return the spec of every stored tensor of a model."""
    return family_of(config).tensor_specs(config)


def tensor_shapes(config: ClassifierConfig) -> dict[str, tuple[int, ...]]:
    """Return the shape of every stored tensor by name, without torch."""
    return {spec.name: spec.shape for spec in tensor_specs(config)}


def parameter_counts(config: ClassifierConfig) -> dict[str, int]:
    """Count the trained parameters: in `total`, and in `embedding` tables."""
    specs = [spec for spec in tensor_specs(config) if spec.dtype == "float32"]
    return {
        "total": sum(prod(spec.shape) for spec in specs),
        "embedding": sum(prod(spec.shape) for spec in specs if spec.is_table),
    }
