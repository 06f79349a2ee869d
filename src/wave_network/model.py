"""The papers' model, by its public name."""

from wave_network.models.wave.network import WaveNetwork

__all__ = ["WaveNetwork"]
