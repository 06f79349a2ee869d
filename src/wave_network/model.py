"""The papers' model, by its public name."""

from wave_network.errors import extra_needed

with extra_needed("torch", "wave_network.model"):
    from wave_network.models.wave.network import WaveNetwork

__all__ = ["WaveNetwork"]
