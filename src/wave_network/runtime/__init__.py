"""The torch-free engine: reads a model folder and predicts with NumPy."""

from wave_network.runtime.engine import Engine, Prediction, load

__all__ = ["Engine", "Prediction", "load"]
