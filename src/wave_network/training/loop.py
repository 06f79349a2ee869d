"""The training loop, on Accelerate: train, validate, and keep the weights of the best epoch."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor, nn

from wave_network.config import TrainConfig
from wave_network.data.batch import PackedTexts, shuffled
from wave_network.data.labels import Labelling, SingleLabel
from wave_network.evaluation.metrics import summarize_for
from wave_network.models.torch_logits import predict_logits
from wave_network.training.callbacks import SILENT, Progress
from wave_network.training.device import resolve_device
from wave_network.training.interrupt import StopSignal
from wave_network.training.local_wave.compiled_steps import compiled_steps
from wave_network.training.losses import objective_for
from wave_network.training.torch_steps import TorchSteps


@dataclass
class TrainResult:
    """The result of a training loop, besides the model's weights.

    Attributes:
        validation: The uncalibrated metrics (see `summarize_for`) of the epoch that was kept;
            empty without validation texts.
        history: One record per epoch: `epoch`, `train_loss` and `train_accuracy` (over the epoch's
            batches, each before its step; of soft targets, the most probable class counts as the
            label), `learning_rate` and `seconds` at its end, and `validation` (None without texts).
        best_epoch: The epoch that was kept, from 1; 0 if training was interrupted before the
            first one ended.
        seconds: Wall time of the loop, including validation.
        stopped: Why training ended before its last epoch: `patience`, `interrupted`, or None.
    """

    validation: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0
    seconds: float = 0.0
    stopped: str | None = None


class EpochChoice(NamedTuple):
    """Which epochs are validated, and which one is kept.

    Attributes:
        best: Keep the best epoch; else the last one that ended.
        validations: Validate at most about this many epochs, evenly spaced; None: all.
    """

    best: bool = True
    validations: int | None = None

    def validates(self, epoch: int, epochs: int) -> bool:
        """Return whether an epoch, from 1, is validated."""
        every = -(-epochs // (self.validations or epochs))
        return epoch % every == 0 or epoch == epochs


BEST_EPOCH: Final = EpochChoice()

ANY_CLASSES: Final = SingleLabel(())
"""A single-label labelling of any classes: the loop does not use their names."""


def train(
    model: nn.Module,
    training: PackedTexts,
    validation: PackedTexts | None,
    config: TrainConfig,
    progress: Progress = SILENT,
    *,
    labelling: Labelling = ANY_CLASSES,
    choice: EpochChoice = BEST_EPOCH,
    stop: StopSignal | None = None,
) -> TrainResult:
    """Train a model in place and keep the weights of the epoch with the best validation metrics.

    The best epoch has the highest accuracy; with multi-label data, the highest micro F1 with
    thresholds of 0.5. A stop keeps the best epoch so far; before the first epoch's end, the current
    weights.

    Args:
        model: Takes a `PackedBatch` and returns logits, (texts, labels); while training possibly
            those of several members, (members, texts, labels). It ends on the CPU.
        training: Texts with hard or soft targets.
        validation: Labelled texts that choose the epoch; None: the last one that ended is kept.
        config: See `TrainConfig`.
        progress: Receives every step and epoch.
        labelling: Single-label or multi-label.
        choice: Which epochs are validated, and which one is kept.
        stop: Checked after every step and epoch.

    Raises:
        ConfigError: If the device is not available.
    """
    started = time.perf_counter()
    stop = stop or StopSignal()
    result = TrainResult()
    trainer = _Trainer(model, training, config, progress, labelling, stop)
    stop.keep()
    best = _train_epochs(trainer, validation, result, choice)
    if best:
        model.load_state_dict(best)
    elif validation is not None:
        result.validation = trainer.validate(validation)
    model.cpu().eval()
    result.seconds = time.perf_counter() - started
    return result


def _train_epochs(
    trainer: _Trainer, validation: PackedTexts | None, result: TrainResult, choice: EpochChoice
) -> dict[str, Tensor]:
    """Train and validate each epoch; return the weights to keep, empty if no epoch ended."""
    started = time.perf_counter()
    best: dict[str, Tensor] = {}
    epochs, patience = trainer.config.epochs, trainer.config.patience
    for epoch in range(1, epochs + 1):
        validates = choice.validates(epoch, epochs)
        record = trainer.validated_epoch(epoch, validation if validates else None)
        if record is None:
            result.stopped = "interrupted"
            break
        record["seconds"] = time.perf_counter() - started
        result.history.append(record)
        if _is_kept(record["validation"], result, choice, validated=validation is not None):
            best = {name: value.clone() for name, value in trainer.model.state_dict().items()}
            result.validation, result.best_epoch = record["validation"] or {}, epoch
        trainer.progress.epoch(record)
        if trainer.stop.take():
            result.stopped = "interrupted"
        elif patience is not None and epoch - result.best_epoch >= patience and epoch < epochs:
            result.stopped = "patience"
        if result.stopped:
            break
    return best


def _is_kept(
    metrics: dict[str, float] | None, result: TrainResult, choice: EpochChoice, *, validated: bool
) -> bool:
    """Return whether an epoch's weights replace those kept so far."""
    if not choice.best or not validated:
        return True
    if metrics is None:
        return False
    return not result.validation or rank(metrics) > rank(result.validation)


def train_to_the_end(
    model: nn.Module,
    training: PackedTexts,
    config: TrainConfig,
    progress: Progress,
    labelling: Labelling,
    stop: StopSignal,
) -> bool:
    """Train a model in place for all epochs, as `train` does, but without validation.

    Returns:
        Whether training was completed; if not, the weights are unfinished.
    """
    trainer = _Trainer(model, training, config, progress, labelling, stop)
    for epoch in range(1, trainer.config.epochs + 1):
        if trainer.run_epoch(epoch) is None:
            return False
    model.cpu().eval()
    return True


def rank(metrics: dict[str, float]) -> tuple[float, float]:
    """Rank an epoch by accuracy (multi-label: micro F1), then by lower loss."""
    accuracy = metrics.get("weighted_accuracy", metrics["accuracy"])
    return metrics.get("micro_f1", accuracy), -metrics["loss"]


class Steps(Protocol):
    """Takes the optimiser steps of a training run."""

    def take(self, chosen: NDArray[np.int64], generator: np.random.Generator) -> tuple[float, int]:
        """Take one step on some of the texts.

        Args:
            chosen: Their indices.
            generator: Draws the tokens that are dropped.

        Returns:
            The mean loss before the step, and how many texts were predicted correctly.
        """

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""


class _Trainer:
    """Runs epochs of training and validation."""

    def __init__(
        self,
        model: nn.Module,
        training: PackedTexts,
        config: TrainConfig,
        progress: Progress,
        labelling: Labelling,
        stop: StopSignal,
    ) -> None:
        self.config = config = config.for_texts(len(training))
        self.model, self.training = model, training
        self.progress, self.labelling, self.stop = progress, labelling, stop
        self.objective = objective_for(labelling, config)
        device = resolve_device(config.device)
        accelerator = Accelerator(cpu=device.type == "cpu", mixed_precision="no")
        self.device = accelerator.device
        steps = -(-len(training) // config.batch_size) * config.epochs
        model.to(self.device)
        compiled: Steps | None = None
        if accelerator.num_processes == 1:
            compiled = compiled_steps(model, training, config, steps)
        self.steps: Steps = compiled or TorchSteps(
            model, training, config, steps, accelerator, self.objective
        )
        progress.start(steps, config.epochs)

    def run_epoch(self, epoch: int) -> dict[str, Any] | None:
        """Train for one epoch; return its record without validation, or None if stopped."""
        config = self.config
        generator = np.random.default_rng([config.seed, epoch])
        self.model.train()
        loss_sum, right, texts = 0.0, 0, 0
        for chosen in shuffled(len(self.training), config.batch_size, generator):
            loss, right_now = self.steps.take(chosen, generator)
            loss_sum += loss * len(chosen)
            right += right_now
            texts += len(chosen)
            self.progress.step(loss_sum / texts)
            if self.stop.take():
                return None
        return {
            "epoch": epoch,
            "train_loss": loss_sum / texts,
            "train_accuracy": right / texts,
            "learning_rate": self.steps.rate,
        }

    def validated_epoch(self, epoch: int, validation: PackedTexts | None) -> dict[str, Any] | None:
        """Train for one epoch and validate; return its record, or None if stopped."""
        record = self.run_epoch(epoch)
        if record is not None and validation is None:
            return {**record, "validation": None}
        if record is not None and validation is not None:
            with self.stop.at_once():
                return {**record, "validation": self.validate(validation)}
        self.stop.take()
        return None

    def validate(self, texts: PackedTexts) -> dict[str, float]:
        """Return the metrics of `summarize_for`."""
        assert texts.labels is not None
        logits = torch.from_numpy(predict_logits(self.model, texts, self.device))
        probabilities = self.objective.probabilities(logits).numpy()
        return summarize_for(self.labelling, probabilities, texts.labels, texts.weights)
