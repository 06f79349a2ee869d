"""The model families by name. Importing it needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from wave_network.config import ClassifierConfig, ModelConfig
from wave_network.errors import ConfigError
from wave_network.models.family import Family
from wave_network.models.local_wave.family import LOCAL_WAVE
from wave_network.models.wave.family import WAVE

if TYPE_CHECKING:
    from wave_network.models.torch_network import ClassifierNetwork

FAMILIES: Final[Mapping[str, Family]] = {
    family.config.architecture: family for family in (WAVE, LOCAL_WAVE)
}
"""By the name in a `config.json`'s `architecture`."""


def family_of(config: ClassifierConfig) -> Family:
    """The family that a configuration belongs to."""
    return FAMILIES[config.architecture]


def config_class(description: Mapping[str, Any]) -> type[ClassifierConfig]:
    """The configuration's class of the architecture that a `config.json` names.

    Raises:
        ConfigError: If there is none of that name.
    """
    name = description.get("architecture", ModelConfig.architecture)
    if not isinstance(name, str) or name not in FAMILIES:
        raise ConfigError(f"unknown architecture {name!r}: made by a newer version?")
    return FAMILIES[name].config


def build_model(config: ClassifierConfig) -> ClassifierNetwork:
    """A torch network of that shape, at its random start."""
    return family_of(config).torch_network(config)
