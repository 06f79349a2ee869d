"""Training steps by torch: of any model, on any device."""

from __future__ import annotations

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor, nn

from wave_network.config import TrainConfig
from wave_network.data.batch import PackedBatch, PackedTexts, draw
from wave_network.training.losses import mean_binary_loss, mean_cross_entropy
from wave_network.training.optimizer import build_optimizers, build_schedule, clip_gradients


class TorchSteps:
    """Steps of a model that gives the logits of one member or several.

    Args:
        model: On its device already.
        training: Labelled texts.
        config: How to train.
        steps: How many there will be.
        accelerator: For the backward pass and several processes.
        multi_label: A text may have any number of labels.
    """

    def __init__(
        self,
        model: nn.Module,
        training: PackedTexts,
        config: TrainConfig,
        steps: int,
        accelerator: Accelerator,
        *,
        multi_label: bool,
    ) -> None:
        self._training, self._config, self._multi_label = training, config, multi_label
        self._accelerator, self._device = accelerator, accelerator.device
        # Accelerate's wrapper of an optimizer takes a tenth of a small model's step, and only
        # 16-bit floats, which no option asks for, need it.
        self._optimizers = build_optimizers(model, config, self._device)
        self._schedules = [build_schedule(each, config, steps) for each in self._optimizers]
        self._model = model
        if accelerator.num_processes > 1:  # else it does nothing, but takes long to import
            self._model = accelerator.prepare(model)

    def take(self, chosen: NDArray[np.int64], generator: np.random.Generator) -> tuple[float, int]:
        """Learn from the chosen texts; see `Steps`."""
        texts = draw(self._training, chosen, self._config.token_dropout, generator)
        batch = texts.to_torch().to(self._device)
        assert batch.labels is not None
        logits = self._model(batch)
        members = logits if logits.ndim == 3 else logits.unsqueeze(0)
        loss = self._loss(members, batch)
        # The members share no parameter, so each one's gradient is that of its own loss.
        self._accelerator.backward(loss * len(members))
        if self._config.max_grad_norm is not None:
            clip_gradients(self._model, self._config.max_grad_norm)
        for optimizer, schedule in zip(self._optimizers, self._schedules, strict=True):
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        return float(loss.detach()), self._count_right(members.detach(), batch.labels)

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        return float(self._schedules[-1].get_last_lr()[0])

    def _loss(self, members: Tensor, batch: PackedBatch) -> Tensor:
        assert batch.labels is not None
        smoothing, weights = self._config.label_smoothing, batch.weights
        if self._multi_label:
            return mean_binary_loss(members, batch.labels, smoothing, weights)
        temperature = self._config.loss_temperature
        return mean_cross_entropy(members, batch.labels, smoothing, temperature, weights)

    def _count_right(self, members: Tensor, labels: Tensor) -> int:
        """How many texts the members together answer rightly; of label sets, in every label."""
        if self._multi_label:
            given = members.sigmoid().mean(dim=0) >= 0.5
            return int((given == labels.bool()).all(dim=1).sum())
        right = labels if labels.ndim == 1 else labels.argmax(dim=1)
        # The mean of one member's probabilities are its own: the order is that of its logits.
        said = members[0] if len(members) == 1 else torch.softmax(members, dim=2).mean(dim=0)
        return int((said.argmax(dim=1) == right).sum())
