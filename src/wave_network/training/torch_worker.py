"""What a worker does: it answers the messages of the main process."""

from __future__ import annotations

import signal
import threading
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
from torch import nn

from wave_network.config import ClassifierConfig, TrainConfig
from wave_network.data.batch import PackedTexts
from wave_network.data.labels import Labelling
from wave_network.models.registry import build_model
from wave_network.models.tensor_spec import Tensors
from wave_network.training import processes
from wave_network.training.checkpoint import StepsState
from wave_network.training.torch_replica import Replica, Share


@dataclass(frozen=True)
class Begin:
    """Begin a training.

    Attributes:
        model: The network's configuration.
        tensors: Its weights.
        config: How to train.
        steps: Number of steps in all.
        labelling: Single-label or multi-label.
    """

    model: ClassifierConfig
    tensors: Tensors
    config: TrainConfig
    steps: int
    labelling: Labelling

    def replica(self, rank: int) -> Replica:
        """Build a worker's replica; each draws its own dropout."""
        network = build_model(self.model, self.config.seed + rank)
        network.load_state_dict({name: torch.from_numpy(t) for name, t in self.tensors.items()})
        return Replica(network, self.config, self.steps, self.labelling)


class Predict(NamedTuple):
    """Give the logits of these texts."""

    texts: PackedTexts


class GiveRandomState(NamedTuple):
    """Give the state of the random numbers."""


class Restore(NamedTuple):
    """Go on from the state of a checkpoint.

    Attributes:
        state: That of the optimisers.
        random_state: That of this process's random numbers; may be empty.
    """

    state: StepsState
    random_state: Tensors


def begin_with(network: nn.Module, config: TrainConfig, steps: int, labelling: Labelling) -> Begin:
    """Return the message with which the training of a network of our families begins."""
    tensors = {name: tensor.cpu().numpy() for name, tensor in network.state_dict().items()}
    return Begin(cast("ClassifierConfig", network.config), tensors, config, steps, labelling)


def work(threads: int | None = None) -> None:
    """Work for the main process until it dismisses this one.

    Args:
        threads: How many threads to use; None: as many as torch does.

    Raises:
        MissingExtraError: If accelerate is missing.
        ProcessLostError: If the main process, or another worker, has ended.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    _leave_signals_to_the_main_process()
    group = processes.joined()
    before = processes.current.set(group)
    try:
        begin = group.receive()
        while begin is not None:
            begin = _train(begin.replica(group.rank), group)
    finally:
        processes.current.reset(before)
        group.close()


def _train(replica: Replica, group: processes.Processes) -> Begin | None:
    """Work for one training; return the message that begins the next one, or None."""
    while True:
        message = group.receive()
        if message is None or isinstance(message, Begin):
            return message
        if isinstance(message, Share):
            replica.take(message)
        elif isinstance(message, Predict):
            group.gather(replica.logits(message.texts))
        elif isinstance(message, GiveRandomState):
            group.gather(replica.random_state())
        elif isinstance(message, Restore):
            replica.restore(message.state)
            replica.restore_random_state(message.random_state)


def _leave_signals_to_the_main_process() -> None:
    """Ignore Ctrl-C and requests to end: the main process writes what there is, and dismisses."""
    if threading.current_thread() is not threading.main_thread():
        return
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
