"""Training one of the compared models on a task, as several experiments do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from wave_network.config import Device, TrainConfig
from wave_network.data.batch import PackedTexts
from wave_network.evaluation.metrics import summarize
from wave_network.experiments.models import build_model, parameter_counts, train_config
from wave_network.experiments.statistics import to_hex
from wave_network.experiments.study import Options, Row
from wave_network.experiments.tasks import Task
from wave_network.models.torch_logits import predict_probabilities
from wave_network.training.checkpoint import Checkpoints
from wave_network.training.device import resolve_device
from wave_network.training.loop import TrainResult, train
from wave_network.training.progress import StageBar
from wave_network.training.torch_model import TorchModel


@dataclass(frozen=True)
class Run:
    """A trained model, with the weights of its best validation epoch.

    Attributes:
        model: On the CPU.
        config: How it was trained.
        result: Its history and its best validation metrics.
    """

    model: nn.Module
    config: TrainConfig
    result: TrainResult


def train_on(
    task: Task,
    name: str,
    options: Options,
    *,
    seed: int,
    epochs: int | None = None,
    model_options: dict[str, Any] | None = None,
    learning_rate: float | None = None,
    checkpoints: Checkpoints | None = None,
) -> Run:
    """Build a model of `MODELS` and train it by its protocol.

    Args:
        task: The data.
        name: One of `MODELS`.
        options: The study's.
        seed: Decides the initial weights and the order of the texts.
        epochs: Where the study does not say; None takes the protocol's.
        model_options: Fields of `ModelConfig` that replace the paper's.
        learning_rate: In place of the protocol's.
        checkpoints: As for `train`.
    """
    torch.manual_seed(seed)
    model = build_model(name, task, options, **(model_options or {}))
    config = train_config(name, options, epochs=epochs, seed=seed)
    if learning_rate is not None:
        config = replace(config, learning_rate=learning_rate)
    if name == "bert" and computes_bfloat16(options.device):
        config = replace(config, mixed_precision="bf16")
    with StageBar() as progress:
        result = train(
            TorchModel(model),
            task.training,
            task.validation,
            config,
            progress,
            checkpoints=checkpoints,
        )
        return Run(model, config, result)


def computes_bfloat16(device: Device) -> bool:
    """Whether a device has instructions for matrix products in bfloat16, faster than float32."""
    kind = resolve_device(device).type
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able = torch.cpu.get_capabilities() if kind == "cpu" else {}
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def result_row(run: Run, task: Task) -> Row:
    """What one run measured: the columns that the accuracy experiments share."""
    device = resolve_device(run.config.device)
    probabilities = predict_probabilities(run.model.to(device), task.test, device)
    run.model.cpu()
    return {
        **answers(probabilities, task.test),
        "validation_accuracy": run.result.validation["accuracy"],
        "best_epoch": run.result.best_epoch,
        "epochs": run.config.epochs,
        "mixed_precision": run.config.mixed_precision,
        "training_rows": len(task.training),
        **parameter_columns(parameter_counts(run.model)),
        "seconds": round(run.result.seconds, 1),
    }


def answers(probabilities: NDArray[np.float32], test: PackedTexts) -> Row:
    """Test accuracy, macro F1 and loss, and which texts were predicted correctly."""
    metrics = summarize(probabilities, test.hard_labels)
    return {
        "test_accuracy": metrics["accuracy"],
        "test_macro_f1": metrics["macro_f1"],
        "test_loss": metrics["loss"],
        "test_rows": len(test),
        "_correct": to_hex(probabilities.argmax(axis=1) == test.hard_labels),
    }


def parameter_columns(counts: dict[str, int]) -> Row:
    """Both counts as the report shows them."""
    return {
        "parameters": counts["total"],
        "parameters_beside_embedding": counts["total"] - counts["embedding"],
    }
