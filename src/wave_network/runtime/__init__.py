"""The torch-free engine: load a model folder and predict with NumPy."""

from wave_network.runtime.engine import Engine, Prediction, load

__all__ = ["Engine", "Prediction", "load"]
