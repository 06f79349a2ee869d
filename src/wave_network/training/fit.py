"""From texts and labels to a trained classifier: split, tokenizer, packing, the loop."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import nn

from wave_network.config import (
    ClassifierConfig,
    Label,
    LocalWaveConfig,
    ModelConfig,
    Preset,
    TrainConfig,
)
from wave_network.data import (
    column,
    encode_label_sets,
    encode_labels,
    has_label_lists,
)
from wave_network.data.batch import PackedTexts, Targets
from wave_network.data.soft_labels import SoftLabels
from wave_network.errors import ConfigError, ModelFolderError
from wave_network.local_model import LocalWaveNetwork
from wave_network.model import WaveNetwork
from wave_network.model_folder import ModelFiles, parameter_counts
from wave_network.text import TextTokenizer
from wave_network.training.continuing import (
    class_frequencies,
    continued_classes,
    grown,
)
from wave_network.training.latent_semantics import token_vectors
from wave_network.training.linear_part import continue_linear_part, fit_linear_part
from wave_network.training.loop import (
    Progress,
    TrainResult,
    predict_logits,
    train,
    train_to_the_end,
)
from wave_network.training.parts import Part, held_to_answers, joined, parts_of, taught
from wave_network.training.settling import settle, training_metrics

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

    def start(part: Part) -> _Start:
        return _start(part, preset, shape, tokenizer, base, config, progress)

    first = start(learnt)
    _report_empty(first.texts)
    validation_texts = _packed(held_out, first.tokenizer, first.config)
    result = train(
        first.model,
        first.texts,
        validation_texts,
        config,
        progress,
        multi_label=multi_label,
        # Texts that the model may have learnt from before would choose the epoch that forgot least.
        choose_epoch=base is None or validation is not None,
    )
    if not math.isfinite(result.validation["loss"]):
        raise ConfigError("training diverged, the loss is not a number: lower the learning rate")
    _say_linear_part(first, progress)
    if base is None:
        margin = fit_linear_part(first.model, first.texts, config.seed, validation_texts)
    else:
        share = continued["represented_share"]
        margin = continue_linear_part(first.model, first.texts, config.seed, base, share)
        if continued["new_class_offset"]:
            _correct_new_classes(first.model, base, continued["new_class_offset"])
    logits = predict_logits(first.model, validation_texts)  # (texts, labels)
    settled = settle(
        first.config, logits, held_out.targets, held_out.weights, calibrate=config.calibrate
    )
    stopped, second = result.stopped, None
    if config.refit and validation is None and stopped != "interrupted":
        start_again = partial(start, joined(learnt, held_out))
        second = _refit(start_again, first, margin, config, result, progress)
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


class _Start(NamedTuple):
    """What training starts from."""

    config: ClassifierConfig
    model: nn.Module
    tokenizer: TextTokenizer
    texts: PackedTexts


def _start(
    part: Part,
    preset: Preset,
    shape: Mapping[str, Any],
    tokenizer: str | None,
    base: ModelFiles | None,
    config: TrainConfig,
    progress: Progress | None,
) -> _Start:
    """The vocabulary of the texts, the texts in it, and a model at its start."""
    _say(progress, "learning the vocabulary")
    model_config: ClassifierConfig
    if base is None:
        text_tokenizer = _make_tokenizer(part.rows, preset, tokenizer, shape["max_length"])
        model_config = preset.config(
            **shape,
            vocab_size=text_tokenizer.vocab_size,
            cls_token_id=text_tokenizer.cls_token_id,
        )
    else:
        larger = grown(base, shape["labels"], column(part.rows, "text"))
        text_tokenizer, model_config = larger.tokenizer, larger.config
    _say(progress, "encoding the texts")
    texts = _packed(part, text_tokenizer, model_config)
    torch.manual_seed(config.seed)
    model = build_model(model_config)
    if base is not None:
        model.load_state_dict({name: torch.from_numpy(t) for name, t in larger.tensors.items()})
    elif config.initialization == "latent-semantics":
        _say(progress, "learning what tokens share")
        _start_at_latent_semantics(model, texts, config.seed)
    return _Start(model_config, model, text_tokenizer, texts)


def _refit(
    start: Callable[[], _Start],
    first: _Start,
    margin: float | None,
    config: TrainConfig,
    result: TrainResult,
    progress: Progress | None,
) -> _Start | None:
    """Learn from all texts for as many epochs as served best; None if it was interrupted."""
    as_before = replace(
        config,
        epochs=result.best_epoch,
        min_steps=0,
        learning_rate=config.learning_rate_for(len(first.texts)),
    )
    multi_label = first.config.is_multi_label
    try:
        second = start()
        train_to_the_end(second.model, second.texts, as_before, progress, multi_label=multi_label)
        _say_linear_part(second, progress)
        fit_linear_part(second.model, second.texts, config.seed, margin=margin)
    except KeyboardInterrupt:
        return None
    return second


def _correct_new_classes(model: nn.Module, base: ModelFiles, offset: float) -> None:
    assert isinstance(model, LocalWaveNetwork)
    with torch.no_grad():
        # The logits are to be divided by a temperature, about that of the model as it was.
        model.classifier.bias[..., base.config.num_labels :] += offset * (base.temperature or 1)


def _say_linear_part(trained: _Start, progress: Progress | None) -> None:
    if isinstance(trained.config, LocalWaveConfig) and trained.config.linear_buckets:
        _say(progress, "fitting the linear part")


def _say(progress: Progress | None, stage: str) -> None:
    if progress:
        progress.stage(stage)


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
        raise ConfigError("a model that is trained on is not learnt anew: leave refit out")
    if unlabeled is not None and config.teacher is None:
        raise ConfigError("unlabelled texts need a teacher (--teacher) to label them")
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


def build_model(config: ClassifierConfig) -> nn.Module:
    """A model of that shape, at its random start."""
    if isinstance(config, LocalWaveConfig):
        return LocalWaveNetwork(config)
    assert isinstance(config, ModelConfig)
    return WaveNetwork(config)


def _start_at_latent_semantics(model: nn.Module, texts: PackedTexts, seed: int) -> None:
    if not isinstance(model, LocalWaveNetwork):
        raise ConfigError('initialization="latent-semantics" is for LocalWaveConfig models alone')
    rows, columns = model.embedding.weight.shape
    vectors = token_vectors(texts, rows, columns // 2, seed)
    if vectors.any():
        model.start_at(torch.from_numpy(vectors))


def _packed(part: Part, tokenizer: TextTokenizer, config: ClassifierConfig) -> PackedTexts:
    texts = pack(part.rows, tokenizer, part.targets, sentences=config.reads_sentences)
    return replace(texts, weights=part.weights)


def pack(
    rows: Dataset,
    tokenizer: TextTokenizer,
    labels: Targets,
    *,
    sentences: bool = False,
) -> PackedTexts:
    """Tokenise a data set, chunk by chunk; only the ids stay in memory.

    Args:
        rows: With a column `text`.
        tokenizer: Makes the ids.
        labels: Class indices, (rows,), or a probability of each class, (rows, classes).
        sentences: Also number the sentences.
    """
    ids, lengths, numbers = [], [], []
    sentence_count = 0
    for chunk in rows.select_columns(["text"]).iter(batch_size=_ROWS_AT_ONCE):
        if sentences:
            batch = tokenizer.encode_sentences(chunk["text"])
            sentence_lengths = np.diff(batch.sentence_offsets)
            names = np.arange(len(sentence_lengths), dtype=np.int32) + sentence_count
            numbers.append(np.repeat(names, sentence_lengths))
            sentence_count += len(sentence_lengths)
            ids.append(batch.ids)
            lengths.append(np.diff(batch.offsets))
        else:
            plain = tokenizer.encode(chunk["text"])
            ids.append(plain.ids)
            lengths.append(np.diff(plain.offsets))
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)
    return PackedTexts(
        ids=np.concatenate(ids),
        offsets=offsets,
        labels=labels,
        sentences=np.concatenate(numbers) if sentences else None,
    )


def _report_empty(texts: PackedTexts) -> None:
    empty = int((np.diff(texts.offsets) == 1).sum())  # [CLS] and nothing else
    if empty:
        logger.warning("%d of %d training texts are empty; they are kept", empty, len(texts))


def _make_tokenizer(
    training: Dataset, preset: Preset, source: str | None, max_length: int
) -> TextTokenizer:
    if source is not None:
        return TextTokenizer.load(source, max_length)
    if preset.tokenizer is not None:
        try:
            return TextTokenizer.load(preset.tokenizer, max_length)
        except ModelFolderError:
            logger.warning(
                "the tokenizer %s cannot be had here (no network?): training one of %d entries on "
                "the texts instead; --tokenizer takes a folder",
                preset.tokenizer,
                preset.vocab_size,
            )
    return TextTokenizer.train(column(training, "text"), preset.vocab_size, max_length)
