"""The norms of the gradients at a model's inputs and classifier, step by step in training."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from wave_network.experiments.study import Options, Row

if TYPE_CHECKING:
    from torch import Tensor, nn

    from wave_network.data.batch import PackedBatch
    from wave_network.experiments.tasks import Task

BATCH_SIZE: Final = 32
STEPS: Final = 200
BERT_STEPS_ON_CPU: Final = 40


def measure_norms(task: Task, name: str, options: Options) -> list[Row]:
    """Train a model with seed 0 and give one row a step.

    Args:
        task: The data.
        name: One of the experiments' models.
        options: The study's.
    """
    import torch
    from torch.nn import functional as F

    from wave_network.data.batch import training_batches
    from wave_network.experiments.models import build_model, input_embedding, train_config
    from wave_network.training.device import resolve_device
    from wave_network.training.optimizer import build_optimizers, build_schedule, clip_gradients

    config = train_config(name, options, epochs=1, seed=0, batch_size=BATCH_SIZE)
    device = resolve_device(config.device)
    most = BERT_STEPS_ON_CPU if name == "bert" and device.type == "cpu" else STEPS
    steps = min(most, config.epochs * math.ceil(len(task.training) / BATCH_SIZE))
    torch.manual_seed(0)
    model = build_model(name, task, options).to(device).train()
    optimizers = build_optimizers(model, config, device)
    schedules = [build_schedule(optimizer, config, steps) for optimizer in optimizers]
    width = input_embedding(model).embedding_dim
    rows: list[Row] = []
    for epoch in range(1, config.epochs + 1):
        generator = np.random.default_rng([config.seed, epoch])
        for batch in training_batches(task.training, BATCH_SIZE, config.token_dropout, generator):
            if len(rows) == steps:
                return rows
            batch = batch.to(device)
            assert batch.labels is not None
            with InputGradients(model) as inputs:
                loss = F.cross_entropy(inputs.classify(batch), batch.labels)
                loss.backward()  # type: ignore[no-untyped-call]
            rows.append(
                {
                    "step": len(rows) + 1,
                    "loss": float(loss.detach()),
                    **input_norms(inputs.gradient(), inputs.offsets),
                    "classifier": _classifier_norm(model),
                    "width": width,
                    "training_rows": len(task.training),
                }
            )
            if config.max_grad_norm is not None:
                clip_gradients(model, config.max_grad_norm)
            for optimizer, schedule in zip(optimizers, schedules, strict=True):
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
    return rows


class InputGradients:
    """Watches what a model's token table gives, one row for every token, and its gradient.

    Args:
        model: One of the experiments' models. A network of ours looks each distinct token up once
            for the whole batch; while it is watched, once for each place.
    """

    def __init__(self, model: nn.Module) -> None:
        from wave_network.experiments.models import input_embedding
        from wave_network.models.torch_network import ClassifierNetwork

        self._model = model
        self._table = input_embedding(model)
        self._by_place = isinstance(model, ClassifierNetwork)
        self._hooks: list[Any] = []

    def __enter__(self) -> InputGradients:
        """Start watching."""
        self._hooks.append(self._table.register_forward_hook(self._keep))
        if self._by_place:
            self._hooks.append(self._table.register_forward_pre_hook(self._look_up))
        return self

    def __exit__(self, *_: object) -> None:
        """Stop watching."""
        for hook in self._hooks:
            hook.remove()

    def classify(self, batch: PackedBatch) -> Tensor:
        """The model's logits, as it would give them: (texts, labels)."""
        from dataclasses import replace

        import torch

        self.offsets = batch.offsets
        self._ids = batch.ids
        if self._by_place:  # places are distinct, so the network asks for every one of them
            batch = replace(batch, ids=torch.arange(len(batch.ids), device=batch.ids.device))
        logits: Tensor = self._model(batch)
        return logits

    def gradient(self) -> Tensor:
        """The gradient that arrived, (tokens, width).

        Of a model that pads, (texts, longest, width): what it adds to a text is among its rows.
        """
        gradient = self._rows.grad
        assert gradient is not None
        return gradient.to_dense() if gradient.is_sparse else gradient

    def _look_up(self, _: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        return (self._ids[inputs[0]],)

    def _keep(self, _: nn.Module, __: tuple[Tensor], rows: Tensor) -> None:
        rows.retain_grad()
        self._rows = rows


def input_norms(gradient: Tensor, offsets: Tensor) -> dict[str, float]:
    """Means over the texts; `cls_share` is that of [CLS] in the sum of squares."""
    from wave_network import ops

    energy = gradient.double().square().sum(dim=-1)  # (tokens,) or (texts, longest)
    if energy.ndim == 2:
        first, text = energy[:, 0], energy.sum(dim=1)
    else:
        first = energy[offsets[:-1]]
        text = ops.segment_sum(energy.unsqueeze(1), offsets).squeeze(1)
    return {
        "cls": float(first.sqrt().mean()),
        "text": float(text.sqrt().mean()),
        "cls_share": float((first / text).nan_to_num(0.0).mean()),
    }


def _classifier_norm(model: nn.Module) -> float:
    from torch import nn

    classifier = model.classifier
    assert isinstance(classifier, nn.Linear)
    parts = [parameter.grad for parameter in classifier.parameters()]
    return math.sqrt(sum(float(part.square().sum()) for part in parts if part is not None))
