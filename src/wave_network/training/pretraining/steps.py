"""Training steps of a language model, in torch."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

from wave_network.config.wave_lm import PretrainConfig
from wave_network.models.tensor_spec import Tensors
from wave_network.training.checkpoint import StepsState
from wave_network.training.optimizer import EagerAdamW, clip_gradients
from wave_network.training.pretraining.examples import NOT_PREDICTED, Examples

_LAST_RATE: Final = 0.1  # of the peak learning rate
_MOMENTS: Final = ("exp_avg", "exp_avg_sq")


class PretrainingSteps:
    """Training steps of a language model.

    Args:
        network: Takes ids, (time, lanes), and returns logits, (time, lanes, vocabulary); where not
            every token is predicted, takes also which are, and returns their logits alone.
        config: How to train.
        steps: Number of steps in all.
    """

    def __init__(self, network: nn.Module, config: PretrainConfig, steps: int) -> None:
        self._network, self._max_norm = network, config.max_grad_norm
        parameters = list(network.parameters())
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": config.weight_decay},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self._optimizer = EagerAdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98), fused=True)
        self._schedule = LambdaLR(self._optimizer, learning_rate_factor(config.warmup, steps))

    def step(self, examples: Examples) -> float:
        """Take a step.

        Args:
            examples: What to read and to predict.

        Returns:
            The mean loss of a predicted token before the step, in nats.
        """
        ids, targets = (torch.from_numpy(array) for array in examples)
        wanted = targets != NOT_PREDICTED
        every = wanted.all()
        logits = self._network(ids).flatten(0, 1) if every else self._network(ids, wanted)
        loss = F.cross_entropy(logits, targets[wanted])
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        clip_gradients(self._network, self._max_norm)
        self._optimizer.step()
        self._schedule.step()
        return loss.item()

    @property
    def tensors(self) -> Tensors:
        """The network's weights by name; they share its memory."""
        return {name: tensor.numpy() for name, tensor in self._network.state_dict().items()}

    def state(self) -> StepsState:
        """Return the state of the optimiser."""
        tensors = {
            f"{moment}.{name}": self._optimizer.state[parameter][moment].numpy()
            for name, parameter in self._network.named_parameters()
            for moment in _MOMENTS
        }
        return StepsState(tensors, {"step": self._schedule.last_epoch})

    def load(self, weights: Tensors, state: StepsState) -> None:
        """Go on from weights and a state of the optimiser."""
        self._network.load_state_dict(_as_torch(weights))
        moments, step = _as_torch(state.tensors), int(state.numbers["step"])
        for name, parameter in self._network.named_parameters():
            self._optimizer.state[parameter] = {
                "step": torch.tensor(float(step)),
                **{moment: moments[f"{moment}.{name}"] for moment in _MOMENTS},
            }
        self._schedule.last_epoch = step
        for group, rate in zip(self._optimizer.param_groups, self._schedule.base_lrs, strict=True):
            group["lr"] = rate * self._schedule.lr_lambdas[0](step)


def learning_rate_factor(warmup: float, steps: int) -> Callable[[int], float]:
    """Return the factor of the learning rate as a function of the step, from 0.

    It rises linearly over the share `warmup` of the steps, then falls to a tenth along a cosine.
    """
    rising = round(warmup * steps)

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / (rising + 1)
        passed = (step - rising) / max(1, steps - rising)
        return _LAST_RATE + (1 - _LAST_RATE) * (1 + cos(pi * min(1.0, passed))) / 2

    return factor


def _as_torch(tensors: Tensors) -> dict[str, Tensor]:
    return {name: torch.from_numpy(tensor) for name, tensor in tensors.items()}
