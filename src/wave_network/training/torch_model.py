"""The torch form of a model in training: any network, on any device."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from wave_network.config import ClassifierConfig, TrainConfig
from wave_network.data.batch import PackedTexts
from wave_network.data.labels import Labelling
from wave_network.models.registry import build_model
from wave_network.models.tensor_spec import Tensors
from wave_network.models.torch_logits import predict_logits
from wave_network.training.torch_steps import TorchSteps


class TorchModel:
    """A `TrainableModel` of a torch network.

    Args:
        network: Takes a `PackedBatch` and returns logits, (texts, labels); while training possibly
            those of several members, (members, texts, labels). Changed in place.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self._steps: TorchSteps | None = None

    @property
    def config(self) -> ClassifierConfig:
        """See `TrainableModel`; only of the networks of our families."""
        return cast("ClassifierConfig", self.network.config)

    @property
    def tensors(self) -> Tensors:
        """See `TrainableModel`; on the CPU they share memory with the network."""
        state = self.network.state_dict()
        return {name: tensor.cpu().numpy() for name, tensor in state.items()}

    @property
    def trained(self) -> Tensors:
        """See `TrainableModel`."""
        return self.tensors

    def logits(self, texts: PackedTexts) -> NDArray[np.float32]:
        """See `TrainableModel`; between steps, all processes compute them together."""
        if self._steps is not None:
            return self._steps.logits(texts)
        device = next(self.network.parameters()).device
        return predict_logits(self.network, texts, device)

    def steps(
        self, texts: PackedTexts, config: TrainConfig, count: int, labelling: Labelling
    ) -> TorchSteps:
        """See `TrainableModel`; the network moves to the device.

        Raises:
            ConfigError: If the device is not available.
        """
        self._steps = TorchSteps(self.network, texts, config, count, labelling)
        return self._steps

    def finish(self) -> None:
        """See `TrainableModel`."""
        self._steps = None
        self.network.cpu().eval()


def build_torch_model(config: ClassifierConfig, seed: int, tensors: Tensors | None) -> TorchModel:
    """Build a network with given weights, or with random ones."""
    network = build_model(config, seed)
    if tensors is not None:
        network.load_state_dict({name: torch.from_numpy(t) for name, t in tensors.items()})
    return TorchModel(network)
