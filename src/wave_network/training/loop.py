"""The training loop: train, validate, and keep the weights of the best epoch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from wave_network.config import TrainConfig
from wave_network.data.batch import PackedTexts, shuffled
from wave_network.data.labels import Labelling, SingleLabel
from wave_network.evaluation.metrics import summarize_for
from wave_network.models.tensor_spec import Tensors
from wave_network.training.callbacks import SILENT, Progress
from wave_network.training.checkpoint import Checkpoint, Checkpoints, Place
from wave_network.training.interrupt import StopSignal
from wave_network.training.model import TrainableModel


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
    model: TrainableModel,
    training: PackedTexts,
    validation: PackedTexts | None,
    config: TrainConfig,
    progress: Progress = SILENT,
    *,
    labelling: Labelling = ANY_CLASSES,
    choice: EpochChoice = BEST_EPOCH,
    stop: StopSignal | None = None,
    checkpoints: Checkpoints | None = None,
) -> TrainResult:
    """Train a model in place and keep the weights of the epoch with the best validation metrics.

    The best epoch has the highest accuracy; with multi-label data, the highest micro F1 with
    thresholds of 0.5. A stop keeps the best epoch so far; before the first epoch's end, the current
    weights.

    Args:
        model: The model.
        training: Texts with hard or soft targets.
        validation: Labelled texts that choose the epoch; None: the last one that ended is kept.
        config: See `TrainConfig`.
        progress: Receives every step and epoch.
        labelling: Single-label or multi-label.
        choice: Which epochs are validated, and which one is kept.
        stop: Checked after every step and epoch.
        checkpoints: Where the run's state is stored every so often. If there is one of the same
            run, training goes on from there, and ends with the same bits. The caller removes it.
            A stop then ends training at once, after a last one.

    Raises:
        KeyboardInterrupt: With checkpoints, after a stop.
        ConfigError: If the device is not available.
        OutputError: If a checkpoint cannot be written.
    """
    started = time.perf_counter()
    stop = stop or StopSignal()
    run = _Run(checkpoints, started)
    saved = None if checkpoints is None else checkpoints.open(training, validation, config)
    if saved is not None:
        _copy(saved.weights, model.trained)
    trainer = _Trainer(model, training, config, progress, labelling, stop)
    if saved is not None:
        run.go_on(saved, trainer)
    stop.keep()
    if run.result.stopped is None:  # it may have ended before, and what came after it not
        _train_epochs(trainer, validation, run, choice)
        run.end(trainer)
    result = run.result
    if not run.best and validation is not None:
        result.validation = trainer.validate(validation)
    model.finish()
    if run.best:
        _copy(run.best, model.trained)
    result.seconds = time.perf_counter() - run.started
    return result


@dataclass
class _Run:
    """What a run has found so far, and where it is.

    Attributes:
        checkpoints: Where that is stored; None: nowhere.
        started: When it began; with what interrupted runs took before.
        result: The epochs so far.
        best: The weights of the best one; empty before the first one ended.
        place: The batches of the running epoch.
    """

    checkpoints: Checkpoints | None
    started: float
    result: TrainResult = field(default_factory=TrainResult)
    best: Tensors = field(default_factory=dict)
    place: Place = field(default_factory=Place)

    def go_on(self, saved: Checkpoint, trainer: _Trainer) -> None:
        """Go on from a checkpoint."""
        self.started -= saved.seconds
        self.result = TrainResult(**saved.result)
        self.best, self.place = saved.best, saved.place
        trainer.steps.restore(saved.steps)
        trainer.skip(saved.place)

    def keep(self, trainer: _Trainer) -> None:
        """Write a checkpoint if it is time for one, or a stop was requested.

        Raises:
            KeyboardInterrupt: As `suspend`.
        """
        if self.checkpoints is None:
            return
        if trainer.stop.take():
            self.suspend(trainer)
        elif self.checkpoints.due():
            self._write(self.checkpoints, trainer)

    def keep_epoch(self, trainer: _Trainer) -> None:
        """Write a checkpoint if one is due after the epoch that has just ended."""
        if self.checkpoints is not None and self.checkpoints.due_after(self.place.epoch):
            self.place = Place(self.place.epoch + 1)
            self._write(self.checkpoints, trainer)

    def suspend(self, trainer: _Trainer) -> None:
        """Write a checkpoint, and end training at once; does nothing without checkpoints.

        Raises:
            KeyboardInterrupt: Training goes on from the checkpoint later.
        """
        if self.checkpoints is not None:
            self._write(self.checkpoints, trainer)
            raise KeyboardInterrupt

    def end(self, trainer: _Trainer) -> None:
        """Write a last checkpoint if there are earlier ones: what follows may be interrupted."""
        if self.checkpoints is not None and self.checkpoints.begun:
            self.place = Place(trainer.config.epochs + 1)
            self._write(self.checkpoints, trainer)

    def _write(self, checkpoints: Checkpoints, trainer: _Trainer) -> None:
        checkpoints.write(
            Checkpoint(
                place=self.place,
                steps=trainer.steps.state(),
                weights=trainer.model.trained,
                best=self.best,
                result=asdict(self.result),
                seconds=time.perf_counter() - self.started,
            )
        )


def _train_epochs(
    trainer: _Trainer, validation: PackedTexts | None, run: _Run, choice: EpochChoice
) -> None:
    """Train and validate each epoch, and keep the weights of the best one."""
    result = run.result
    epochs, patience = trainer.config.epochs, trainer.config.patience
    for epoch in range(run.place.epoch, epochs + 1):
        validates = choice.validates(epoch, epochs)
        if run.place.epoch != epoch:
            run.place = Place(epoch)
        record = trainer.validated_epoch(run.place, validation if validates else None, run.keep)
        if record is None:
            run.suspend(trainer)
            result.stopped = "interrupted"
            break
        record["seconds"] = time.perf_counter() - run.started
        result.history.append(record)
        if _is_kept(record["validation"], result, choice, validated=validation is not None):
            trained = trainer.model.trained
            run.best = run.best or {name: np.empty_like(each) for name, each in trained.items()}
            _copy(trained, run.best)
            result.validation, result.best_epoch = record["validation"] or {}, epoch
        trainer.progress.epoch(record)
        if trainer.stop.take():
            run.place = Place(epoch + 1)
            run.suspend(trainer)
            result.stopped = "interrupted"
        elif patience is not None and epoch - result.best_epoch >= patience and epoch < epochs:
            result.stopped = "patience"
        if result.stopped:
            break
        run.keep_epoch(trainer)


def _copy(source: Tensors, target: Tensors) -> None:
    """Copy values into the memory of others of the same names."""
    for name, values in source.items():
        np.copyto(target[name], values)


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
    model: TrainableModel,
    training: PackedTexts,
    config: TrainConfig,
    progress: Progress,
    labelling: Labelling,
    stop: StopSignal,
    checkpoints: Checkpoints | None = None,
) -> bool:
    """Train a model in place for all epochs, as `train` does, but without validation.

    Args:
        model: The model.
        training: Texts with hard or soft targets.
        config: See `TrainConfig`.
        progress: Receives every step.
        labelling: Single-label or multi-label.
        stop: Checked after every step.
        checkpoints: As for `train`.

    Returns:
        Whether training was completed; if not, the weights are unfinished.
    """
    run = _Run(checkpoints, time.perf_counter())
    saved = None if checkpoints is None else checkpoints.open(training, None, config)
    if saved is not None:
        _copy(saved.weights, model.trained)
    trainer = _Trainer(model, training, config, progress, labelling, stop)
    if saved is not None:
        run.go_on(saved, trainer)
    for epoch in range(run.place.epoch, trainer.config.epochs + 1):
        if run.place.epoch != epoch:
            run.place = Place(epoch)
        if trainer.run_epoch(run.place, run.keep) is None:
            return False
        run.keep_epoch(trainer)
    run.end(trainer)
    model.finish()
    return True


def rank(metrics: dict[str, float]) -> tuple[float, float]:
    """Rank an epoch by accuracy (multi-label: micro F1), then by lower loss."""
    accuracy = metrics.get("weighted_accuracy", metrics["accuracy"])
    return metrics.get("micro_f1", accuracy), -metrics["loss"]


class _Trainer:
    """Runs epochs of training and validation."""

    def __init__(
        self,
        model: TrainableModel,
        training: PackedTexts,
        config: TrainConfig,
        progress: Progress,
        labelling: Labelling,
        stop: StopSignal,
    ) -> None:
        self.config = config = config.for_texts(len(training))
        self.model, self.training = model, training
        self.progress, self.labelling, self.stop = progress, labelling, stop
        steps = -(-len(training) // config.batch_size) * config.epochs
        self.steps = model.steps(training, config, steps, labelling)
        progress.start(steps, config.epochs)

    def skip(self, place: Place) -> None:
        """Show the batches that an interrupted run has taken as done."""
        batches = -(-len(self.training) // self.config.batch_size)
        for _ in range((place.epoch - 1) * batches + place.batches):
            self.progress.step(place.loss_sum / max(place.texts, 1))

    def run_epoch(
        self, place: Place, after_batch: Callable[[_Trainer], None] | None = None
    ) -> dict[str, Any] | None:
        """Train for an epoch, or for the rest of it; return its record, or None if stopped.

        Args:
            place: Which epoch, and the batches that are taken; moves on.
            after_batch: Called after each batch.
        """
        config = self.config
        generator = np.random.default_rng([config.seed, place.epoch])
        batches = list(shuffled(len(self.training), config.batch_size, generator))
        if place.generator is not None:
            generator.bit_generator.state = place.generator
        for chosen in batches[place.batches :]:
            loss, right = self.steps.take(chosen, generator)
            place.batches += 1
            place.loss_sum += loss * len(chosen)
            place.right += right
            place.texts += len(chosen)
            self.progress.step(place.loss_sum / place.texts)
            if after_batch is not None:
                place.generator = generator.bit_generator.state
                after_batch(self)
            if self.stop.take():
                return None
        return {
            "epoch": place.epoch,
            "train_loss": place.loss_sum / place.texts,
            "train_accuracy": place.right / place.texts,
            "learning_rate": self.steps.rate,
        }

    def validated_epoch(
        self,
        place: Place,
        validation: PackedTexts | None,
        after_batch: Callable[[_Trainer], None],
    ) -> dict[str, Any] | None:
        """Train for an epoch and validate, as `run_epoch`."""
        record = self.run_epoch(place, after_batch)
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
        probabilities = self.labelling.probabilities(self.model.logits(texts))
        return summarize_for(self.labelling, probabilities, texts.labels, texts.weights)
