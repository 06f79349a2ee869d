"""The torch-free engine: load a model folder and predict with NumPy."""

from wave_network.runtime.engine import Engine, load
from wave_network.runtime.prediction import Prediction

__all__ = ["Engine", "Prediction", "load"]
