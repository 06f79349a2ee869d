"""The model families by name. Importing it needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from wave_network.config import ClassifierConfig, ModelConfig
from wave_network.errors import ConfigError
from wave_network.models.family import Family
from wave_network.models.fasttext.family import FASTTEXT
from wave_network.models.local_wave.family import LOCAL_WAVE
from wave_network.models.wave.family import WAVE

if TYPE_CHECKING:
    from wave_network.models.torch_network import ClassifierNetwork

FAMILIES: Final[Mapping[str, Family]] = {
    family.config.architecture: family for family in (WAVE, LOCAL_WAVE, FASTTEXT)
}
"""The families by the `architecture` that `config.json` names."""


def family_of(config: ClassifierConfig) -> Family:
    """Return the family of a configuration."""
    return FAMILIES[config.architecture]


def config_class(description: Mapping[str, Any]) -> type[ClassifierConfig]:
    """Return the configuration class of the architecture that `config.json` names.

    Raises:
        ConfigError: If the architecture is unknown.
    """
    name = description.get("architecture", ModelConfig.architecture)
    if not isinstance(name, str) or name not in FAMILIES:
        raise ConfigError(f"unknown architecture {name!r}: made by a newer version?")
    return FAMILIES[name].config


def build_model(config: ClassifierConfig, seed: int | None = None) -> ClassifierNetwork:
    """Build a torch network with random weights.

    Args:
        config: The model's configuration.
        seed: Seed of the weights and of dropout, for which torch's global generator is then not
            used. None: use the global generator, as torch's own modules do.
    """
    return family_of(config).torch_network(config, seed)
