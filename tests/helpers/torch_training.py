"""Train torch networks by the training loop."""

from wave_network.training import loop
from wave_network.training.torch_model import TorchModel


def train(network, *arguments, **options):
    """Train a network in place, as `training.loop.train` does a model."""
    return loop.train(TorchModel(network), *arguments, **options)
