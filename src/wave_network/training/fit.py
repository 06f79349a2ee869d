"""Train a classifier on texts and labels: all steps of a training run."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from wave_network.data import TrainingData
from wave_network.data.batch import PackedTexts
from wave_network.errors import ConfigError
from wave_network.evaluation.posthoc import PostHoc, calibrate_post_hoc
from wave_network.models.tensors import parameter_counts
from wave_network.models.torch_logits import predict_logits
from wave_network.persistence.folder import ModelFiles
from wave_network.training.callbacks import SILENT, Progress
from wave_network.training.continual import class_frequencies, continued_labelling
from wave_network.training.examples import Examples, join_examples, mix_targets, split_examples
from wave_network.training.interrupt import StopSignal
from wave_network.training.local_wave.linear_part import (
    MARGIN,
    LinearWeights,
    continue_linear_part,
    fit_linear_part,
    fitted_beside,
    set_linear_part,
)
from wave_network.training.loop import TrainResult, train, train_to_the_end
from wave_network.training.out_of_scope import fit_out_of_scope, refitted_out_of_scope
from wave_network.training.prepare import (
    Prepared,
    initialize,
    prepare,
    reads_characters,
    report_empty,
)
from wave_network.training.recipe import Recipe, Run


@dataclass(frozen=True)
class Fitted:
    """A trained classifier and the record of its training.

    Attributes:
        files: The content of a model folder. Its metrics' `train_seconds` is the wall time from
            the texts to the trained weights: it includes the split, the tokenizer and encoding, but
            not reading and writing files.
        history: One record per epoch.
        stopped: Why training ended before its last epoch: `patience`, `interrupted`, or None.
    """

    files: ModelFiles
    history: list[dict[str, Any]]
    stopped: str | None


def fit(
    data: TrainingData,
    recipe: Recipe,
    progress: Progress = SILENT,
    stop: StopSignal | None = None,
) -> Fitted:
    """Train a classifier from scratch, or continue training one.

    Ctrl-C in the main thread ends training early and keeps the best epoch so far; before the first
    step, it raises `KeyboardInterrupt`.

    Args:
        data: Training data, and validation data if there is any.
        recipe: How to train.
        progress: Receives every stage, step and epoch.
        stop: Ends training early, as Ctrl-C does.

    Raises:
        DataError: If the data cannot be used: a single class, too few rows to hold any out, or a
            validation label that is not in the training data.
        ModelFolderError: If the tokenizer or teacher cannot be read.
        ConfigError: If an option does not fit the data, or makes training diverge; if the teacher's
            classes are not the data's, or there are unlabelled texts and no teacher.
    """
    started = time.perf_counter()
    stop, base = stop or StopSignal(), recipe.base
    with stop.on_ctrl_c():
        labelling = data.labelling() if base is None else continued_labelling(base, data)
        run = Run(recipe.suited_to(data, labelling), labelling, progress, stop)
        examples, held_out = split_examples(data, run)
        frequencies = _frequencies(examples, base)
        examples = mix_targets(examples, data.unlabeled, run)
        first = prepare(examples, run)
        report_empty(first.texts)
        validation = first.pack(held_out)
        # The model may have seen held-out texts before: they favour the epoch that forgot least.
        choose = base is None or data.validation is not None
        trained = _train(first, validation, frequencies, run, choose)
        calibrated = _calibrate(trained, held_out, run)
        scope = fit_out_of_scope(first, data.background, held_out, validation, trained.logits, run)
        last, stopped = first, trained.result.stopped
        characters = reads_characters(examples, first.tokenizer)
        texts = len(first.texts) + len(validation)
        refits = run.recipe.refits(data, texts, characters=characters)
        if refits and stopped != "interrupted":
            second = _refit(join_examples(examples, held_out), first, trained, run)
            last, stopped = (first, "interrupted") if second is None else (second, stopped)
            if second is not None:
                scope = refitted_out_of_scope(scope, first, second, data.background, run)
        if stop.take():
            stopped = "interrupted"
    metrics = {
        "parameters": parameter_counts(last.config),
        "training_texts": len(last.texts),
        "validation_texts": len(validation),
        "refit": last is not first,
        **trained.metrics,
        "train_seconds": round(time.perf_counter() - started, 3),
        **_validation_metrics(trained.result, calibrated),
        "stopped": stopped,
        **frequencies,
    }
    files = replace(_model_files(last, calibrated, run, metrics), out_of_scope=scope)
    return Fitted(files, trained.result.history, stopped)


class _Trained(NamedTuple):
    """The results of training a model and its linear part.

    Attributes:
        result: The result of the training loop.
        margin: Weight of the linear part's margins, in logits; None without a linear part.
        logits: Logits of the validation texts, (texts, classes).
    """

    result: TrainResult
    margin: float | None
    logits: NDArray[np.float32]

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics of the linear part, for `metrics.json`."""
        return {} if self.margin is None else {"margin_weight": self.margin}


def _frequencies(examples: Examples, base: ModelFiles | None) -> dict[str, Any]:
    """Measure how frequent old and new classes are; empty when training from scratch."""
    if base is None:
        return {}
    return class_frequencies(base, examples.targets, weighted=examples.weights is not None)


def _train(
    prepared: Prepared,
    validation: PackedTexts,
    frequencies: Mapping[str, Any],
    run: Run,
    choose_epoch: bool,
) -> _Trained:
    """Train the waves by gradient descent and, in parallel, the linear part.

    Args:
        prepared: Its model is changed in place.
        validation: Texts that choose the epoch and the weight of the linear part.
        frequencies: The result of `_frequencies`.
        run: How to train.
        choose_epoch: Keep the best epoch; else the last one.
    """
    config, model = run.config, prepared.model
    with fitted_beside(prepared.texts, prepared.config, config.seed, run.stop) as linear_weights:
        initialize(prepared, run)
        if prepared.config.has_linear_part:
            run.progress.expect_linear_part()
        result = train(
            model,
            prepared.texts,
            validation,
            config,
            run.progress,
            labelling=run.labelling,
            choose_epoch=choose_epoch,
            stop=run.stop,
        )
        if not math.isfinite(result.validation["loss"]):
            raise ConfigError(
                "training diverged, the loss is not a number: lower the learning rate"
            )
        if prepared.config.has_linear_part:
            run.progress.stage("fitting the linear part")
        weights = linear_weights()
        if weights is None and prepared.config.has_linear_part:  # keep the waves alone
            result.stopped = "interrupted"
    base = run.recipe.base
    if base is not None:
        margin = _continue(prepared, base, weights, frequencies)
        return _Trained(result, margin, predict_logits(model, validation))
    waves = predict_logits(model, validation)
    if weights is None:
        return _Trained(result, None, waves)
    return _Trained(result, *fit_linear_part(model, weights, validation, waves, run.labelling))


def _continue(
    prepared: Prepared,
    base: ModelFiles,
    weights: LinearWeights | None,
    frequencies: Mapping[str, Any],
) -> float | None:
    """Mix the new linear part with the old one, and correct the log-odds of new classes."""
    margin, model = None, prepared.model
    if weights is not None:
        share = frequencies["represented_share"]
        margin = continue_linear_part(model, weights, prepared.texts, base, share)
    if frequencies["new_class_offset"]:
        _correct_new_classes(model, base, frequencies["new_class_offset"])
    return margin


def _correct_new_classes(model: nn.Module, base: ModelFiles, offset: float) -> None:
    bias = model.get_parameter("classifier.bias")
    with torch.no_grad():
        # Calibration will divide the logits by about the temperature of the continued model.
        bias[..., base.config.num_labels :] += offset * (base.temperature or 1)


def _calibrate(trained: _Trained, held_out: Examples, run: Run) -> PostHoc:
    """Fit temperature and thresholds, and report the metrics of the whole model."""
    calibrated = calibrate_post_hoc(
        run.labelling,
        trained.logits,
        held_out.targets,
        held_out.weights,
        fits_temperature=run.config.calibrate,
    )
    if trained.margin is not None:
        run.progress.linear_part(calibrated.metrics)
    return calibrated


def _refit(examples: Examples, first: Prepared, trained: _Trained, run: Run) -> Prepared | None:
    """Train on all examples for the best number of epochs; None if it was interrupted."""
    config = replace(run.config.for_texts(len(first.texts)), epochs=trained.result.best_epoch)
    second = None
    with run.stop.at_once():
        second = prepare(examples, run)
    if second is None:
        return None
    with fitted_beside(second.texts, second.config, config.seed, run.stop) as linear_weights:
        with run.stop.at_once():
            initialize(second, run)
        if not train_to_the_end(
            second.model, second.texts, config, run.progress, run.labelling, run.stop
        ):
            return None
        if not second.config.has_linear_part:
            return second
        run.progress.stage("fitting the linear part")
        weights = linear_weights()
    if weights is None:
        return None
    set_linear_part(second.model, weights, MARGIN if trained.margin is None else trained.margin)
    return second


def _model_files(
    last: Prepared, calibrated: PostHoc, run: Run, metrics: Mapping[str, Any]
) -> ModelFiles:
    """Collect the content of the model folder."""
    return ModelFiles(
        config=replace(last.config, thresholds=calibrated.thresholds),
        tensors={name: value.numpy() for name, value in last.model.state_dict().items()},
        tokenizer=last.tokenizer,
        preset=run.recipe.preset.name,
        training=run.config.to_dict(),
        metrics=metrics,
        temperature=calibrated.temperature,
        conformal_thresholds=calibrated.conformal_thresholds,
    )


def _validation_metrics(result: TrainResult, calibrated: PostHoc) -> dict[str, Any]:
    """Return the metrics of training and validation, for `metrics.json`."""
    return {
        "epochs": len(result.history),
        "best_epoch": result.best_epoch,
        "validation": calibrated.metrics,
        "calibration": _calibration_metrics(calibrated),
        "test": None,
    }


def _calibration_metrics(calibrated: PostHoc) -> dict[str, Any] | None:
    """Return the validation metrics before and after calibration; None without calibration."""
    if calibrated.temperature is None:
        return None
    names = ("loss", "ece", "brier")
    sides = {"before": calibrated.uncalibrated, "after": calibrated.metrics}
    metrics = {side: {name: values[name] for name in names} for side, values in sides.items()}
    return {"temperature": calibrated.temperature, **metrics}
