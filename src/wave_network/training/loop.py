"""The training loop: plain, on Accelerate, keeping the weights that validate best."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor, nn

from wave_network.config import TrainConfig
from wave_network.data.batch import PackedTexts, shuffled
from wave_network.evaluation.metrics import summarize, summarize_sets, weighted_accuracy
from wave_network.models.predict import predict_probabilities
from wave_network.training.callbacks import Progress
from wave_network.training.device import resolve_device
from wave_network.training.local_wave.compiled_steps import compiled_steps
from wave_network.training.torch_steps import TorchSteps


@dataclass
class TrainResult:
    """What training gives back; the model holds the best weights.

    Attributes:
        validation: The figures (see `summarize` and `summarize_sets`) of the epoch that was kept,
            uncalibrated.
        history: One record an epoch: `epoch`, `train_loss` and `train_accuracy` (over the epoch's
            batches, each before its step; of probabilities as labels, the most probable class is
            the right one), `learning_rate` and `seconds` at its end, `validation`.
        best_epoch: The epoch that was kept, from 1; 0 if training was interrupted before the
            first one ended.
        seconds: Wall time of the loop, validation included.
        stopped: Why training ended before its last epoch: `patience`, `interrupted`, or None.
    """

    validation: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0
    seconds: float = 0.0
    stopped: str | None = None


def train(
    model: nn.Module,
    training: PackedTexts,
    validation: PackedTexts,
    config: TrainConfig,
    progress: Progress | None = None,
    *,
    multi_label: bool = False,
    choose_epoch: bool = True,
) -> TrainResult:
    """Train a model in place and leave the weights of the best validation accuracy in it.

    With any number of labels a text, it is the best micro F1, every threshold being 0.5.

    An interrupt (Ctrl-C) ends training and keeps the best epoch so far; before the first epoch's
    end, the weights as they are.

    Args:
        model: Takes a `PackedBatch` and gives logits, (texts, labels); while training possibly
            those of several members, (members, texts, labels). Changed in place; on the CPU
            afterwards.
        training: Labelled texts; the labels may be probabilities of the classes.
        validation: Labelled texts that choose the epoch, if it is to be chosen.
        config: See `TrainConfig`.
        progress: Is told of every step and epoch.
        multi_label: A text may have any number of labels: labels are 0 or 1 for each class,
            (texts, classes), and each logit is learnt by itself.
        choose_epoch: Keep the best epoch; else the last one that ended.

    Raises:
        ConfigError: If the device does not exist here.
    """
    started = time.perf_counter()
    result = TrainResult()
    trainer = _Trainer(model, training, config, progress, multi_label)
    best: dict[str, Tensor] = {}
    epochs = trainer.config.epochs
    try:
        for epoch in range(1, epochs + 1):
            record = trainer.run_epoch(epoch)
            record["validation"] = trainer.validate(validation)
            record["seconds"] = time.perf_counter() - started
            result.history.append(record)
            better = not best or _rank(record["validation"]) > _rank(result.validation)
            if better or not choose_epoch:
                best = {name: value.clone() for name, value in model.state_dict().items()}
                result.validation, result.best_epoch = record["validation"], epoch
            if progress:
                progress.epoch(record)
            if config.patience is not None and epoch - result.best_epoch >= config.patience:
                result.stopped = "patience" if epoch < epochs else None
                break
    except KeyboardInterrupt:
        result.stopped = "interrupted"
    if best:
        model.load_state_dict(best)
    else:
        result.validation = trainer.validate(validation)
    model.cpu().eval()
    result.seconds = time.perf_counter() - started
    return result


def train_to_the_end(
    model: nn.Module,
    training: PackedTexts,
    config: TrainConfig,
    progress: Progress | None = None,
    *,
    multi_label: bool = False,
) -> None:
    """Train a model in place for all epochs, without validation, as `train` does otherwise.

    Raises:
        KeyboardInterrupt: The weights are then those of an unfinished training.
    """
    trainer = _Trainer(model, training, config, progress, multi_label)
    for epoch in range(1, trainer.config.epochs + 1):
        trainer.run_epoch(epoch)
    model.cpu().eval()


def _rank(metrics: dict[str, float]) -> tuple[float, float]:
    """What makes one epoch better: micro F1 of label sets or accuracy, then the lower loss."""
    accuracy = metrics.get("weighted_accuracy", metrics["accuracy"])
    return metrics.get("micro_f1", accuracy), -metrics["loss"]


class Steps(Protocol):
    """Who takes the steps of a training."""

    def take(self, chosen: NDArray[np.int64], generator: np.random.Generator) -> tuple[float, int]:
        """Learn from some of the texts.

        Args:
            chosen: Their indices.
            generator: Draws the tokens that are left out.

        Returns:
            The mean loss before the step, and how many texts were answered rightly.
        """

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""


class _Trainer:
    """The objects that every epoch needs."""

    def __init__(
        self,
        model: nn.Module,
        training: PackedTexts,
        config: TrainConfig,
        progress: Progress | None,
        multi_label: bool,
    ) -> None:
        self.config = config = config.for_texts(len(training))
        self.model, self.training = model, training
        self.progress, self.multi_label = progress, multi_label
        device = resolve_device(config.device)
        accelerator = Accelerator(cpu=device.type == "cpu", mixed_precision="no")
        self.device = accelerator.device
        steps = -(-len(training) // config.batch_size) * config.epochs
        model.to(self.device)
        compiled: Steps | None = None
        if accelerator.num_processes == 1:
            compiled = compiled_steps(model, training, config, steps)
        self.steps: Steps = compiled or TorchSteps(
            model, training, config, steps, accelerator, multi_label=multi_label
        )
        if progress:
            progress.start(steps, config.epochs)

    def run_epoch(self, epoch: int) -> dict[str, Any]:
        """One pass over the texts; returns the start of the epoch's record."""
        config = self.config
        generator = np.random.default_rng([config.seed, epoch])
        self.model.train()
        loss_sum, right, texts = 0.0, 0, 0
        for chosen in shuffled(len(self.training), config.batch_size, generator):
            loss, right_now = self.steps.take(chosen, generator)
            loss_sum += loss * len(chosen)
            right += right_now
            texts += len(chosen)
            if self.progress:
                self.progress.step(loss_sum / texts)
        return {
            "epoch": epoch,
            "train_loss": loss_sum / texts,
            "train_accuracy": right / texts,
            "learning_rate": self.steps.rate,
        }

    def validate(self, texts: PackedTexts) -> dict[str, float]:
        """The figures of `summarize`, and of weighted texts the accuracy by weight."""
        probabilities = predict_probabilities(
            self.model, texts, self.device, multi_label=self.multi_label
        )
        if self.multi_label:
            assert texts.labels is not None
            return summarize_sets(probabilities, texts.labels)
        labels = texts.hard_labels
        figures = summarize(probabilities, labels)
        if texts.weights is not None:
            figures["weighted_accuracy"] = weighted_accuracy(probabilities, labels, texts.weights)
        return figures
