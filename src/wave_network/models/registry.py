"""The model families."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from wave_network.config import ClassifierConfig, LocalWaveConfig, ModelConfig
from wave_network.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn

ARCHITECTURES: Final[Mapping[str, type[ClassifierConfig]]] = {
    config.architecture: config for config in (ModelConfig, LocalWaveConfig)
}


def config_class(description: Mapping[str, Any]) -> type[ClassifierConfig]:
    """The configuration's class of the architecture that a `config.json` names.

    Raises:
        ConfigError: If there is none of that name.
    """
    name = description.get("architecture", ModelConfig.architecture)
    if not isinstance(name, str) or name not in ARCHITECTURES:
        raise ConfigError(f"unknown architecture {name!r}: made by a newer version?")
    return ARCHITECTURES[name]


def build_model(config: ClassifierConfig) -> nn.Module:
    """A model of that shape, at its random start."""
    from wave_network.models.local_wave.network import LocalWaveNetwork
    from wave_network.models.wave.network import WaveNetwork

    if isinstance(config, LocalWaveConfig):
        return LocalWaveNetwork(config)
    assert isinstance(config, ModelConfig)
    return WaveNetwork(config)
