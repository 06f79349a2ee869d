"""What a model is and how it is trained: frozen dataclasses, their JSON form, and the presets."""

from __future__ import annotations

from wave_network.config.base import ClassifierConfig, ProblemType
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
from wave_network.config.presets import PRESETS, Preset, get_preset
from wave_network.config.training import LEAST_STEPS, TrainConfig, override
from wave_network.config.wave import Level, ModelConfig, Pooling, Positions, Readout, Variants

__all__ = [
    "FEW_TEXTS",
    "LEAST_STEPS",
    "OPTIONS",
    "PRESETS",
    "ClassWeight",
    "ClassifierConfig",
    "Device",
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
