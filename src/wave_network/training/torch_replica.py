"""One process's copy of a network in training: its gradients, its optimisers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor, nn

from wave_network.config import TrainConfig
from wave_network.data.batch import PackedTexts
from wave_network.data.labels import Labelling
from wave_network.models.tensor_spec import Tensors
from wave_network.models.torch_logits import predict_logits
from wave_network.models.torch_random import Dropout
from wave_network.training import processes
from wave_network.training.checkpoint import StepsState
from wave_network.training.device import resolve_device
from wave_network.training.losses import objective_for
from wave_network.training.optimizer import build_optimizers, build_schedule, clip_gradients

_TYPES: Final = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Share(NamedTuple):
    """What a process computes of a batch.

    Attributes:
        texts: At least one text.
        weight: Their share of the batch's texts; 0: they only stand for none.
    """

    texts: PackedTexts
    weight: float = 1.0


class Replica:
    """A network that returns the logits of one or several members, and what its steps need.

    With several processes, each has a replica; all have the same weights after every step.

    Args:
        network: Moves to the device.
        config: How to train.
        steps: Number of steps in all.
        labelling: Single-label or multi-label.

    Raises:
        ConfigError: If the device is not available.
    """

    def __init__(
        self, network: nn.Module, config: TrainConfig, steps: int, labelling: Labelling
    ) -> None:
        self._config, self._objective = config, objective_for(labelling, config)
        device = resolve_device(config.device)
        # Knows each process's own device, and how its gradients reach the others.
        self._accelerator = Accelerator(cpu=device.type == "cpu", mixed_precision="no")
        # All of it: a pretrained part comes in evaluation mode, without dropout.
        self._network = network.to(self._accelerator.device).train()
        # As tensors name it: Accelerate numbers the CPU.
        self._device = next(network.parameters()).device
        self._optimizers = build_optimizers(network, config, self._device)
        self._schedules = [build_schedule(each, config, steps) for each in self._optimizers]
        # Not those of Accelerate, which are one for the whole program.
        self._type = _TYPES[config.mixed_precision]
        self._scaler = torch.amp.GradScaler(self._device.type, enabled=self._type is torch.float16)

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        return float(self._schedules[-1].get_last_lr()[0])

    def take(self, share: Share) -> tuple[float, int]:
        """Take a step on a batch, of which this process computes a share.

        Returns:
            The mean loss of the whole batch before the step, and how many of its texts were
            predicted correctly.

        Raises:
            ProcessLostError: If another process has ended.
        """
        if not self._network.training:
            self._network.train()
        loss, right = 0.0, 0
        for part in self._micro_batches(share):
            part_loss, part_right = self._accumulate(part)
            loss += part_loss
            right += part_right if part.weight else 0
        if processes.current.get() is not None:
            with processes.connected():
                loss, right = sum_over_processes(self._network, self._accelerator, loss, right)
        for optimizer in self._optimizers:
            self._scaler.unscale_(optimizer)
        if self._config.max_grad_norm is not None:
            clip_gradients(self._network, self._config.max_grad_norm)
        for optimizer, schedule in zip(self._optimizers, self._schedules, strict=True):
            self._scaler.step(optimizer)
            schedule.step()
            optimizer.zero_grad()
        self._scaler.update()
        return loss, right

    def _micro_batches(self, share: Share) -> Iterator[Share]:
        """Split a share into parts that are computed one after the other."""
        texts, most = share.texts, self._config.micro_batch_size
        if most is None or len(texts) <= most:
            yield share
            return
        for start in range(0, len(texts), most):
            part = texts.between(start, min(start + most, len(texts)))
            yield Share(part, share.weight * len(part) / len(texts))

    def _accumulate(self, part: Share) -> tuple[float, int]:
        """Add the gradients of some texts; return their part of the batch's loss, and the hits."""
        batch = part.texts.to_torch().to(self._device)
        if self._type is torch.float32:
            logits = self._network(batch)
        else:
            with torch.autocast(self._device.type, self._type):
                logits = self._network(batch).float()
        members = logits if logits.ndim == 3 else logits.unsqueeze(0)
        loss = self._objective.loss(members, batch)
        # Members share no parameters: the sum of their losses gives each its own gradient.
        torch.autograd.backward(self._scaler.scale(loss * (part.weight * len(members))))
        return (
            float(loss.detach()) * part.weight,
            self._objective.count_right(members.detach(), batch),
        )

    def logits(self, texts: PackedTexts) -> NDArray[np.float32]:
        """Compute the logits of packed texts, float32, (texts, labels)."""
        return predict_logits(self._network, texts, self._device)

    def random_state(self) -> Tensors:
        """Return the state of the random numbers, which dropout draws."""
        states = {"random": torch.get_rng_state()}
        if self._device.type == "cuda":
            states["random_cuda"] = torch.cuda.get_rng_state(self._device)
        for name, generator in self._generators():
            states[f"random/{name}"] = generator.get_state()
        return {name: state.numpy() for name, state in states.items()}

    def restore_random_state(self, states: Tensors) -> None:
        """Draw what the next steps would have drawn."""
        tensors = {name: torch.from_numpy(state.copy()) for name, state in states.items()}
        if "random" in tensors:
            torch.set_rng_state(tensors["random"])
        if "random_cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random_cuda"], self._device)
        for name, generator in self._generators():
            if f"random/{name}" in tensors:
                generator.set_state(tensors[f"random/{name}"])

    def _generators(self) -> Iterator[tuple[str, torch.Generator]]:
        """Yield the generators that modules have of their own; several may share one."""
        for name, module in self._network.named_modules():
            if isinstance(module, Dropout) and module.rate:
                generator = module.generator_on(self._device)
                if generator is not None:
                    yield name, generator

    def state(self) -> StepsState:
        """Return the state of the optimisers, which is that of all replicas."""
        tensors: Tensors = {}
        numbers: dict[str, Any] = {
            "taken": self._schedules[-1].last_epoch,
            "scaler": self._scaler.state_dict(),
        }
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
        """Give the optimisers a state."""
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
        if self._scaler.is_enabled():
            self._scaler.load_state_dict(state.numbers["scaler"])


def sum_over_processes(
    network: nn.Module, accelerator: Accelerator, loss: float, right: int
) -> tuple[float, int]:
    """Sum a network's gradients over all processes, in place, and two numbers with them.

    `DistributedDataParallel` would do this only for gradients that are all dense: NCCL does not sum
    sparse ones.

    Args:
        network: Has the gradients of its share of a batch.
        accelerator: That of this process.
        loss: This process's part of the batch's loss.
        right: How many texts of its share were predicted correctly.

    Returns:
        The sums of the two numbers.
    """
    trained = [parameter for parameter in network.parameters() if parameter.grad is not None]
    dense: list[Tensor] = []
    for parameter in trained:
        assert parameter.grad is not None
        if parameter.grad.is_sparse:
            parameter.grad = _sum_of_rows(parameter.grad, accelerator)
        else:
            dense.append(parameter.grad)
    numbers = torch.tensor([loss, right], device=accelerator.device)
    joint = torch.cat([numbers, *(gradient.flatten() for gradient in dense)])
    joint = accelerator.reduce(joint)
    loss, right = joint[:2].tolist()
    for gradient, summed in zip(
        dense, joint[2:].split([each.numel() for each in dense]), strict=True
    ):
        gradient.copy_(summed.view_as(gradient))
    return loss, round(right)


def _sum_of_rows(gradient: Tensor, accelerator: Accelerator) -> Tensor:
    """Sum the gradient of a table over all processes, of which each has that of some rows."""
    own = gradient.coalesce()
    padded = accelerator.pad_across_processes(own.indices()[0], pad_index=-1)
    values = accelerator.gather(accelerator.pad_across_processes(own.values()))
    rows = accelerator.gather(padded)
    real = rows >= 0
    summed = torch.sparse_coo_tensor(
        rows[real].unsqueeze(0), values[real], own.shape, check_invariants=False
    )
    return summed.coalesce()
