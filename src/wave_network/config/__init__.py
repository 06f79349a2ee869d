"""What a model is and how it is trained: frozen dataclasses, their JSON form, and the presets."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from wave_network.config.base import ClassifierConfig, ProblemType
from wave_network.config.fasttext import FastTextConfig
from wave_network.config.local_wave import LocalWaveConfig, Ngram
from wave_network.config.options import (
    FEW_TEXTS,
    OPTIONS,
    ClassWeight,
    Device,
    Initialization,
    Label,
    Operation,
    Option,
    Schedule,
)
from wave_network.config.wave import Level, ModelConfig, Pooling, Positions, Readout, Variants

if TYPE_CHECKING:
    from wave_network.config.presets import PRESETS, Preset, get_preset
    from wave_network.config.training import LEAST_STEPS, TrainConfig, override

__all__ = [
    "FEW_TEXTS",
    "LEAST_STEPS",
    "OPTIONS",
    "PRESETS",
    "ClassWeight",
    "ClassifierConfig",
    "Device",
    "FastTextConfig",
    "Initialization",
    "Label",
    "Level",
    "LocalWaveConfig",
    "ModelConfig",
    "Ngram",
    "Operation",
    "Option",
    "Pooling",
    "Positions",
    "Preset",
    "ProblemType",
    "Readout",
    "Schedule",
    "TrainConfig",
    "Variants",
    "get_preset",
    "override",
]

# Predicting needs neither, and starts quicker without.
_HOMES = {
    "LEAST_STEPS": "training",
    "PRESETS": "presets",
    "Preset": "presets",
    "TrainConfig": "training",
    "get_preset": "presets",
    "override": "training",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name in _HOMES:
        return getattr(import_module(f"wave_network.config.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'wave_network.config' has no attribute {name!r}")
