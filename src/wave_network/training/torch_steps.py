"""Training steps in torch, for any model on any device, in one process or several."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from torch import nn

from wave_network.config import TrainConfig
from wave_network.data.batch import PackedTexts, draw
from wave_network.data.labels import Labelling
from wave_network.training import processes
from wave_network.training.checkpoint import StepsState
from wave_network.training.torch_replica import Replica, Share
from wave_network.training.torch_worker import begin_with


class TorchSteps:
    """Training steps of a model that returns the logits of one or several members.

    With several processes, this is the main one's part: it draws each batch, and sends the workers
    their shares.

    Args:
        network: Moves to the device.
        training: Labelled texts.
        config: How to train.
        steps: Number of steps in all.
        labelling: Single-label or multi-label.

    Raises:
        ConfigError: If the device is not available.
        ProcessLostError: If a worker has ended; so do all methods.
    """

    def __init__(
        self,
        network: nn.Module,
        training: PackedTexts,
        config: TrainConfig,
        steps: int,
        labelling: Labelling,
    ) -> None:
        self._training, self._config = training, config
        self._processes = processes.current.get()
        if self._processes is not None:
            self._processes.send_all(begin_with(network, config, steps, labelling))
        self._replica = Replica(network, config, steps, labelling)

    def take(self, chosen: NDArray[np.int64], generator: np.random.Generator) -> tuple[float, int]:
        """Take one step on the chosen texts; see `Steps`."""
        texts = draw(self._training, chosen, self._config.token_dropout, generator)
        if self._processes is None:
            return self._replica.take(Share(texts))
        own, *others = shares(texts, self._processes.count)
        self._processes.send(others)
        return self._replica.take(own)

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        return self._replica.rate

    def state(self) -> StepsState:
        """See `Steps`."""
        return self._replica.state()

    def restore(self, state: StepsState) -> None:
        """See `Steps`."""
        if self._processes is not None:
            self._processes.send_all(state)
        self._replica.restore(state)


def shares(batch: PackedTexts, count: int) -> list[Share]:
    """Split a batch into as many shares as there are processes, of nearly equal numbers of texts.

    Where there are fewer texts than processes, some shares are a text that does not count.
    """
    texts = len(batch)
    bounds = [texts * process // count for process in range(count + 1)]
    return [
        Share(batch.between(start, stop), (stop - start) / texts)
        if stop > start
        else Share(batch.between(0, 1), 0.0)
        for start, stop in pairwise(bounds)
    ]
