"""Training steps in torch, for any model on any device."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import nn

from wave_network.config import TrainConfig
from wave_network.data.batch import PackedTexts, draw
from wave_network.training.checkpoint import StepsState
from wave_network.training.device import resolve_device
from wave_network.training.losses import Objective
from wave_network.training.optimizer import build_optimizers, build_schedule, clip_gradients


class TorchSteps:
    """Training steps of a model that returns the logits of one or several members.

    Args:
        model: Moves to the device.
        training: Labelled texts.
        config: How to train.
        steps: Number of steps in all.
        objective: The loss.

    Raises:
        ConfigError: If the device is not available.
    """

    def __init__(
        self,
        model: nn.Module,
        training: PackedTexts,
        config: TrainConfig,
        steps: int,
        objective: Objective,
    ) -> None:
        self._training, self._config, self._objective = training, config, objective
        device = resolve_device(config.device)
        # Runs the backward pass, also over several processes.
        accelerator = Accelerator(cpu=device.type == "cpu", mixed_precision="no")
        self._accelerator, self._device = accelerator, accelerator.device
        model.to(self._device)
        # Not wrapped by Accelerate: that is needed for 16-bit floats only, which we do not use,
        # and takes a tenth of a small model's step.
        self._optimizers = build_optimizers(model, config, self._device)
        self._schedules = [build_schedule(each, config, steps) for each in self._optimizers]
        self._model = model
        if accelerator.num_processes > 1:  # otherwise has no effect, but is slow to import
            self._model = accelerator.prepare(model)

    def take(self, chosen: NDArray[np.int64], generator: np.random.Generator) -> tuple[float, int]:
        """Take one step on the chosen texts; see `Steps`."""
        texts = draw(self._training, chosen, self._config.token_dropout, generator)
        batch = texts.to_torch().to(self._device)
        if not self._model.training:
            self._model.train()
        logits = self._model(batch)
        members = logits if logits.ndim == 3 else logits.unsqueeze(0)
        loss = self._objective.loss(members, batch)
        # Members share no parameters: the sum of their losses gives each its own gradient.
        self._accelerator.backward(loss * len(members))
        if self._config.max_grad_norm is not None:
            clip_gradients(self._model, self._config.max_grad_norm)
        for optimizer, schedule in zip(self._optimizers, self._schedules, strict=True):
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        return float(loss.detach()), self._objective.count_right(members.detach(), batch)

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        return float(self._schedules[-1].get_last_lr()[0])

    def state(self) -> StepsState:
        """See `Steps`: the optimisers, and torch's random numbers, which dropout draws."""
        tensors = {"random": torch.get_rng_state().numpy()}
        if self._device.type == "cuda":
            tensors["random_cuda"] = torch.cuda.get_rng_state(self._device).numpy()
        numbers: dict[str, Any] = {"taken": self._schedules[-1].last_epoch}
        for place, optimizer in enumerate(self._optimizers):
            for index, values in optimizer.state_dict()["state"].items():
                for name, value in values.items():
                    key = f"{place}/{index}/{name}"
                    if isinstance(value, torch.Tensor):
                        tensors[key] = value.detach().cpu().numpy()
                    else:
                        numbers[key] = value
        return StepsState(tensors, numbers)

    def restore(self, state: StepsState) -> None:
        """See `Steps`."""
        taken = state.numbers["taken"]
        tensors = {name: torch.from_numpy(array.copy()) for name, array in state.tensors.items()}
        values: dict[str, Any] = {**state.numbers, **tensors}
        for place, (optimizer, schedule) in enumerate(
            zip(self._optimizers, self._schedules, strict=True)
        ):
            restored: dict[int, dict[str, Any]] = {}
            for key, value in values.items():
                if key.startswith(f"{place}/"):
                    _, index, name = key.split("/")
                    restored.setdefault(int(index), {})[name] = value
            optimizer.load_state_dict({**optimizer.state_dict(), "state": restored})
            schedule.last_epoch = taken
            schedule._last_lr = [
                base * each(taken)
                for base, each in zip(schedule.base_lrs, schedule.lr_lambdas, strict=True)
            ]
            for group, rate in zip(optimizer.param_groups, schedule._last_lr, strict=True):
                group["lr"] = rate
        if "random_cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random_cuda"], self._device)
        torch.set_rng_state(tensors["random"])
