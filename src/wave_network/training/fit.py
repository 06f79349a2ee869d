"""From texts and labels to a trained classifier: split, tokenizer, packing, the loop."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from wave_network.config import (
    Label,
    Preset,
    TrainConfig,
)
from wave_network.data import (
    encode_label_sets,
    encode_labels,
    has_label_lists,
)
from wave_network.data.batch import PackedTexts, Targets
from wave_network.data.soft_labels import SoftLabels
from wave_network.errors import ConfigError, option_name
from wave_network.evaluation.posthoc import Settled, settle
from wave_network.models.predict import predict_logits
from wave_network.models.tensors import parameter_counts
from wave_network.persistence.folder import ModelFiles
from wave_network.training.callbacks import Progress, say
from wave_network.training.continual import class_frequencies, continued_classes
from wave_network.training.examples import Part, held_to_answers, joined, parts_of, taught
from wave_network.training.local_wave.linear_part import (
    LinearWeights,
    continue_linear_part,
    fitted_beside,
    set_linear_part,
)
from wave_network.training.loop import TrainResult, train, train_to_the_end
from wave_network.training.prepare import Start, initialize, packed, report_empty, start

if TYPE_CHECKING:
    from datasets import Dataset

logger = logging.getLogger(__name__)

_ROWS_AT_ONCE = 1_000
MULTI_LABEL_TOKEN_DROPOUT = 0.1
"""At most so many tokens are left out where a text may have several labels: few speak for each."""


@dataclass(frozen=True)
class Fitted:
    """A trained classifier and how it came about.

    Attributes:
        files: What a model folder holds. Its metrics' `train_seconds` is the wall time from the
            texts to the trained weights: split, tokenizer and encoding included, reading and
            writing files not.
        history: One record an epoch.
        stopped: Why training ended before its last epoch: `patience`, `interrupted`, or None.
    """

    files: ModelFiles
    history: list[dict[str, Any]]
    stopped: str | None


def fit(
    training: Dataset,
    validation: Dataset | None,
    preset: Preset,
    config: TrainConfig,
    *,
    model_options: Mapping[str, Any] | None = None,
    tokenizer: str | None = None,
    classes: Sequence[Label] | None = None,
    soft_labels: SoftLabels | None = None,
    unlabeled: Dataset | None = None,
    base: ModelFiles | None = None,
    progress: Progress | None = None,
) -> Fitted:
    """Train a classifier from scratch, or train one on.

    Args:
        training: Columns `text` and `label`, and possibly `weight`; where the labels are lists, a
            text may have any number of them.
        validation: `text` and `label`; None holds `config.validation_fraction` of the training
            rows out, stratified by class (of lists by each text's rarest label).
        preset: The model's shape and vocabulary.
        config: How to train; with lists of labels, `token_dropout` is 0.1 at most.
        model_options: Fields of the model's configuration that replace the preset's.
        tokenizer: A folder, file or Hub id to take the tokenizer from; None trains one on the
            training texts, or takes the one that the preset prefers if it can be had.
        classes: The labels of lists, in the order of the logits: also those that no text has.
            None: those of the training texts, sorted.
        soft_labels: What the training texts are to be answered with, in place of the column
            `label`. Those of them that are held out count as of their most probable class.
        unlabeled: More texts to learn from, column `text`; the teacher labels them.
        base: The model to train on: its classes, vocabulary and weights grow. `preset` is then what
            `continued_preset` gives.
        progress: Is told of every step and epoch.

    Raises:
        DataError: If the rows cannot be learnt from: a single class, too few rows to hold any
            out, a validation label that training does not have.
        ModelFolderError: If the given tokenizer or teacher cannot be had.
        ConfigError: If an option does not fit, or makes training diverge; if the teacher's classes
            are not the data's, or there are unlabelled texts and no teacher.
    """
    started = time.perf_counter()
    multi_label = has_label_lists(training)
    config = _fitting(config, multi_label, unlabeled, base)
    classes, targets = _targets(training, classes, soft_labels, base)
    learnt, held_out = parts_of(training, validation, classes, targets, config)
    continued = {}
    if base is not None:
        continued = class_frequencies(base, learnt.targets, weighted=learnt.weights is not None)
    if config.teacher is not None:
        learnt = taught(learnt, unlabeled, classes, config, progress)
    elif base is not None and not multi_label:
        learnt = held_to_answers(learnt, base, classes, config, progress)
    shape = {
        **preset.model,
        **(model_options or {}),
        "labels": classes,
        "problem_type": f"{'multi' if multi_label else 'single'}_label_classification",
    }

    def begin(part: Part) -> Start:
        return start(part, preset, shape, tokenizer, base, config, progress)

    first = begin(learnt)
    report_empty(first.texts)
    validation_texts = packed(held_out, first.tokenizer, first.config)
    with fitted_beside(first.texts, first.config, config.seed) as linear_weights:
        initialize(first, base, config, progress)
        result = train(
            first.model,
            first.texts,
            validation_texts,
            config,
            progress,
            multi_label=multi_label,
            # Texts that it may have learnt from before would choose the epoch that forgot least.
            choose_epoch=base is None or validation is not None,
        )
        if not math.isfinite(result.validation["loss"]):
            raise ConfigError(
                "training diverged, the loss is not a number: lower the learning rate"
            )
        _say_linear_part(first, progress)
        try:
            weights = linear_weights()
        except KeyboardInterrupt:  # the waves answer alone
            weights, result.stopped = None, "interrupted"
    margin = None
    if weights is not None:
        margin = _joined_linear_part(first, weights, validation_texts, base, continued)
    if base is not None and continued["new_class_offset"]:
        _correct_new_classes(first.model, base, continued["new_class_offset"])
    logits = predict_logits(first.model, validation_texts)  # (texts, labels)
    settled = settle(
        first.config, logits, held_out.targets, held_out.weights, calibrate=config.calibrate
    )
    stopped, second = result.stopped, None
    refits = config.refits(len(first.texts) + len(validation_texts))
    if refits and base is None and validation is None and stopped != "interrupted":
        begin_again = partial(begin, joined(learnt, held_out))
        second = _refit(begin_again, first, margin, config, result, progress)
        stopped = stopped if second else "interrupted"
    last = second or first
    files = ModelFiles(
        config=replace(last.config, thresholds=settled.thresholds),
        tensors={name: value.numpy() for name, value in last.model.state_dict().items()},
        tokenizer=last.tokenizer,
        preset=preset.name,
        training=config.to_dict(),
        metrics={
            "parameters": parameter_counts(last.config),
            "training_texts": len(last.texts),
            "validation_texts": len(validation_texts),
            "refit": second is not None,
            **({} if margin is None else {"margin_weight": margin}),
            "train_seconds": round(time.perf_counter() - started, 3),
            **training_metrics(result, settled),
            "stopped": stopped,
            **continued,
        },
        temperature=settled.temperature,
        bars=settled.bars,
    )
    return Fitted(files=files, history=result.history, stopped=stopped)


def _refit(
    begin: Callable[[], Start],
    first: Start,
    margin: float | None,
    config: TrainConfig,
    result: TrainResult,
    progress: Progress | None,
) -> Start | None:
    """Learn from all texts for as many epochs as served best; None if it was interrupted."""
    as_before = replace(config.for_texts(len(first.texts)), epochs=result.best_epoch)
    multi_label = first.config.is_multi_label
    try:
        second = begin()
        with fitted_beside(second.texts, second.config, config.seed) as linear_weights:
            initialize(second, None, config, progress)
            train_to_the_end(
                second.model, second.texts, as_before, progress, multi_label=multi_label
            )
            _say_linear_part(second, progress)
            weights = linear_weights()
        if weights is not None:
            set_linear_part(second.model, weights, margin=margin)
    except KeyboardInterrupt:
        return None
    return second


def _joined_linear_part(
    trained: Start,
    weights: LinearWeights,
    validation: PackedTexts,
    base: ModelFiles | None,
    continued: Mapping[str, Any],
) -> float:
    """Set the linear part, or mix it with that of the model that was trained on."""
    if base is None:
        return set_linear_part(trained.model, weights, validation)
    share = continued["represented_share"]
    return continue_linear_part(trained.model, weights, trained.texts, base, share)


def _correct_new_classes(model: nn.Module, base: ModelFiles, offset: float) -> None:
    bias = model.get_parameter("classifier.bias")
    with torch.no_grad():
        # The logits are to be divided by a temperature, about that of the model as it was.
        bias[..., base.config.num_labels :] += offset * (base.temperature or 1)


def _say_linear_part(trained: Start, progress: Progress | None) -> None:
    if trained.config.has_linear_part:
        say(progress, "fitting the linear part")


def _targets(
    training: Dataset,
    classes: Sequence[Label] | None,
    soft_labels: SoftLabels | None,
    base: ModelFiles | None,
) -> tuple[tuple[Label, ...], Targets]:
    """The classes, and what the training texts are to be answered with."""
    if soft_labels is not None:
        classes = soft_labels.classes
    if base is not None:
        classes = continued_classes(base, training, classes)
    if has_label_lists(training):
        return encode_label_sets(training["label"], classes)
    if soft_labels is None or classes is None:
        return encode_labels(training["label"], classes)
    return tuple(classes), soft_labels.among(classes)


def _fitting(
    config: TrainConfig, multi_label: bool, unlabeled: Dataset | None, base: ModelFiles | None
) -> TrainConfig:
    """The training as it suits the data, or why it does not."""
    if base is not None and config.refit:
        raise ConfigError(f"a continued model is not refitted: leave {option_name('refit')} out")
    if unlabeled is not None and config.teacher is None:
        raise ConfigError(f"unlabelled texts need a {option_name('teacher')} to label them")
    if not multi_label:
        return config
    if config.teacher is not None:
        raise ConfigError("a teacher gives each text one label: leave it out with label lists")
    if config.class_weight is not None:
        raise ConfigError(
            "class weights are for one label a text: leave them out with label lists, where each "
            "label has a threshold"
        )
    return replace(config, token_dropout=min(config.token_dropout, MULTI_LABEL_TOKEN_DROPOUT))


def training_metrics(result: TrainResult, settled: Settled) -> dict[str, Any]:
    """What `metrics.json` tells of the training and of the validation texts."""
    return {
        "epochs": len(result.history),
        "best_epoch": result.best_epoch,
        "validation": settled.figures,
        "calibration": _calibration_figures(
            settled.temperature, settled.uncalibrated, settled.figures
        ),
        "test": None,
    }


def _calibration_figures(
    temperature: float | None, before: Mapping[str, float], after: Mapping[str, float]
) -> dict[str, Any] | None:
    """What calibration changed on the validation texts; None if there was none."""
    if temperature is None:
        return None
    names = ("loss", "ece", "brier")
    sides = {"before": before, "after": after}
    figures = {side: {name: values[name] for name in names} for side, values in sides.items()}
    return {"temperature": temperature, **figures}
