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
from wave_network.training.torch_worker import GiveRandomState, Predict, Restore, begin_with


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
        if self._processes is None:
            self._replica = Replica(network, config, steps, labelling)
            return
        with self._processes.together():
            self._processes.send_all(begin_with(network, config, steps, labelling))
            self._replica = Replica(network, config, steps, labelling)

    def take(self, chosen: NDArray[np.int64], generator: np.random.Generator) -> tuple[float, int]:
        """Take one step on the chosen texts; see `Steps`."""
        texts = draw(self._training, chosen, self._config.token_dropout, generator)
        if self._processes is None:
            return self._replica.take(Share(texts))
        own, *others = shares(texts, self._processes.count)
        with self._processes.together():
            self._processes.send(others)
            return self._replica.take(own)

    def logits(self, texts: PackedTexts) -> NDArray[np.float32]:
        """Compute the logits of packed texts with the weights so far, float32, (texts, labels)."""
        if self._processes is None or len(texts) < self._processes.count:
            return self._replica.logits(texts)
        own, *others = (
            texts.between(*bounds) for bounds in _bounds(len(texts), self._processes.count)
        )
        with self._processes.together():
            self._processes.send([Predict(part) for part in others])
            return np.concatenate(self._processes.gather(self._replica.logits(own)))

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        return self._replica.rate

    def state(self) -> StepsState:
        """See `Steps`: the optimisers, and the random numbers of each process."""
        state = self._replica.state()
        random_states = [self._replica.random_state()]
        if self._processes is not None:
            with self._processes.together():
                self._processes.send_all(GiveRandomState())
                random_states = self._processes.gather(random_states[0])
        for rank, states in enumerate(random_states):
            state.tensors.update({_of_rank(rank) + name: each for name, each in states.items()})
        return state

    def restore(self, state: StepsState) -> None:
        """See `Steps`; a process more than there were begins with random numbers of its own."""
        random_states = [
            {
                name.removeprefix(_of_rank(rank)): tensor
                for name, tensor in state.tensors.items()
                if name.startswith(f"{_of_rank(rank)}random")
            }
            for rank in range(1 if self._processes is None else self._processes.count)
        ]
        if self._processes is not None:
            with self._processes.together():
                self._processes.send([Restore(state, each) for each in random_states[1:]])
        self._replica.restore(state)
        self._replica.restore_random_state(random_states[0])


def shares(batch: PackedTexts, count: int) -> list[Share]:
    """Split a batch into as many shares as there are processes, of nearly equal numbers of texts.

    Where there are fewer texts than processes, some shares are a text that does not count.
    """
    return [
        Share(batch.between(start, stop), (stop - start) / len(batch))
        if stop > start
        else Share(batch.between(0, 1), 0.0)
        for start, stop in _bounds(len(batch), count)
    ]


def _bounds(texts: int, count: int) -> list[tuple[int, int]]:
    return list(pairwise(texts * part // count for part in range(count + 1)))


def _of_rank(rank: int) -> str:
    """Return what the names of a process's own tensors begin with."""
    return f"worker-{rank}/" if rank else ""
