"""The stages of a training run: train once, calibrate, and refit on all texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.data.batch import PackedTexts
from wave_network.errors import ConfigError
from wave_network.evaluation.posthoc import PostHoc, calibrate_post_hoc
from wave_network.models.tensor_spec import Tensors
from wave_network.persistence.folder import ModelFiles
from wave_network.training.continual import class_frequencies
from wave_network.training.examples import Examples
from wave_network.training.local_wave.linear_part import (
    AnyLinearWeights,
    continue_linear_part,
    fit_linear_part,
    fitted_beside,
    set_linear_part,
)
from wave_network.training.local_wave.margin_weight import MARGIN
from wave_network.training.local_wave.waves_weight import scale_waves, waves_weight
from wave_network.training.loop import EpochChoice, TrainResult, train, train_to_the_end
from wave_network.training.prepare import Prepared, initialize, prepare
from wave_network.training.recipe import Run


class Trained(NamedTuple):
    """The results of training a model and its linear part.

    Attributes:
        result: The result of the training loop.
        margin: Weight of the linear part's margins, in logits; None without a linear part.
        logits: Logits of the validation texts, (texts, classes); None without any.
    """

    result: TrainResult
    margin: float | None
    logits: NDArray[np.float32] | None


def frequencies_of(examples: Examples, base: ModelFiles | None) -> dict[str, Any]:
    """Measure how frequent old and new classes are; empty when training from scratch."""
    if base is None:
        return {}
    return class_frequencies(base, examples.targets, weighted=examples.weights is not None)


def train_once(
    prepared: Prepared,
    validation: PackedTexts | None,
    frequencies: Mapping[str, Any],
    run: Run,
    choice: EpochChoice,
) -> Trained:
    """Train the waves by gradient descent and, in parallel, the linear part.

    Args:
        prepared: Its model is changed in place.
        validation: Texts that choose the epoch and the weight of the linear part; None: the last
            epoch and the prior weight are taken.
        frequencies: The result of `frequencies_of`.
        run: How to train.
        choice: Which epochs are validated, and which one is kept.
    """
    config, model, base = run.config, prepared.model, run.recipe.base
    with _fitted_beside(prepared, run) as linear_weights:
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
            choice=choice,
            stop=run.stop,
            checkpoints=run.next_checkpoints(),
        )
        if not math.isfinite(_last_loss(result)):
            raise ConfigError(
                "training diverged, the loss is not a number: lower the learning rate"
            )
        if prepared.config.has_linear_part:
            run.progress.stage("fitting the linear part")
        weights = linear_weights()
        if weights is None and prepared.config.has_linear_part:  # keep the waves alone
            result.stopped = "interrupted"
    if base is not None:
        margin = _continue(prepared, base, weights, frequencies)
        return Trained(result, margin, None if validation is None else model.logits(validation))
    if weights is not None:
        scale_waves(model.tensors, waves_weight(len(prepared.texts)))
    if validation is None:
        if weights is not None:
            set_linear_part(model.tensors, weights)
        return Trained(result, None if weights is None else MARGIN, None)
    waves = model.logits(validation)
    if weights is None:
        return Trained(result, None, waves)
    margin, logits = fit_linear_part(
        prepared.config, model.tensors, weights, validation, waves, run.labelling
    )
    return Trained(result, margin, logits)


def _fitted_beside(
    prepared: Prepared, run: Run
) -> AbstractContextManager[Callable[[], AnyLinearWeights | None]]:
    """Fit the linear part in the background."""
    texts, config, tokenizer = prepared.texts, prepared.config, prepared.tokenizer
    return fitted_beside(texts, config, run.config.seed, run.stop, tokenizer, prepared.vectors)


def _continue(
    prepared: Prepared,
    base: ModelFiles,
    weights: AnyLinearWeights | None,
    frequencies: Mapping[str, Any],
) -> float | None:
    """Mix the new linear part with the old one, and correct the log-odds of new classes."""
    margin, tensors = None, prepared.model.tensors
    if weights is not None:
        scale_waves(tensors, waves_weight(frequencies["represented_texts"]))
        share = frequencies["represented_share"]
        margin = continue_linear_part(
            prepared.config, tensors, weights, prepared.texts, base, share
        )
    if frequencies["new_class_offset"]:
        _correct_new_classes(tensors, base, frequencies["new_class_offset"])
    return margin


def _correct_new_classes(tensors: Tensors, base: ModelFiles, offset: float) -> None:
    bias = tensors["classifier.bias"]
    # Calibration will divide the logits by about the temperature of the continued model.
    bias[..., base.config.num_labels :] += offset * (base.temperature or 1)


def _last_loss(result: TrainResult) -> float:
    """Return the validation loss; without validation, that of the last epoch's training."""
    if result.validation:
        return result.validation["loss"]
    return float(result.history[-1]["train_loss"]) if result.history else 0.0


def calibrate(trained: Trained, held_out: Examples | None, run: Run) -> PostHoc:
    """Fit temperature and thresholds, and report the metrics of the whole model.

    Without validation texts, a continued model keeps its temperature.
    """
    if held_out is None or trained.logits is None:
        base = run.recipe.base
        return PostHoc(None if base is None else base.temperature, None, None, None, None)
    calibrated = calibrate_post_hoc(
        run.labelling,
        trained.logits,
        held_out.targets,
        held_out.weights,
        fits_temperature=run.config.calibrate,
    )
    if trained.margin is not None and calibrated.metrics is not None:
        run.progress.linear_part(calibrated.metrics)
    return calibrated


def refit(examples: Examples, first: Prepared, trained: Trained, run: Run) -> Prepared | None:
    """Train on all examples for the best number of epochs; None if it was interrupted."""
    config = replace(run.config.for_texts(len(first.texts)), epochs=trained.result.best_epoch)
    second = None
    with run.stop.at_once():
        second = prepare(examples, run)
    if second is None:
        return None
    with _fitted_beside(second, run) as linear_weights:
        with run.stop.at_once():
            initialize(second, run)
        if not train_to_the_end(
            second.model,
            second.texts,
            config,
            run.progress,
            run.labelling,
            run.stop,
            run.next_checkpoints(),
        ):
            return None
        if not second.config.has_linear_part:
            return second
        run.progress.stage("fitting the linear part")
        weights = linear_weights()
    if weights is None:
        return None
    tensors = second.model.tensors
    scale_waves(tensors, waves_weight(len(second.texts)))
    set_linear_part(tensors, weights, MARGIN if trained.margin is None else trained.margin)
    return second
