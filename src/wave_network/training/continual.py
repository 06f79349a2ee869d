"""Continued training: add classes and tokens to a model for new rows.

Old classes keep their columns, and old tokens their ids and n-gram buckets. New ones are appended.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import log
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.config import (
    ClassifierConfig,
    Label,
    LocalWaveConfig,
    Preset,
    TrainConfig,
    get_preset,
)
from wave_network.data import Table, TrainingData, column, labelling_type
from wave_network.data.labels import Labelling, labelling_of
from wave_network.data.targets import Targets, is_soft, soft_targets
from wave_network.errors import ConfigError, for_caller, option_name
from wave_network.models.tensor_spec import Tensors, TensorSpec
from wave_network.models.tensors import tensor_specs
from wave_network.persistence.folder import ModelFiles
from wave_network.persistence.tokenizers import text_tokenizer
from wave_network.runtime import Engine
from wave_network.scale.arrays import ArrayWriter, blocks
from wave_network.text import TextTokenizer
from wave_network.training.local_wave.sparse_weights import grown_sparse_part

logger = logging.getLogger(__name__)

_GROWTH: Final = 10  # a full vocabulary grows by at most a tenth
_SHRINKAGE: Final = 0.5


def continued_preset(
    base: ModelFiles, preset: str | None, model_options: Mapping[str, Any], tokenizer: str | None
) -> Preset:
    """Return the preset of a continued model, with training settings for trained weights.

    Args:
        base: The model to continue.
        preset: The preset asked for; None: the model's.
        model_options: Fields of the model's configuration that were asked for; None: the model's.
        tokenizer: The tokenizer asked for.

    Raises:
        ConfigError: If the model's weights do not fit what was asked for, or the model has the
            preset `paper`.
    """
    if not base.config.can_be_continued:
        raise ConfigError(
            f"a model of the preset {base.preset} can only be trained from scratch: continue a "
            "model of the presets small, tiny or large"
        )
    asked = {"preset": preset, **model_options}
    has = {**base.config.to_dict(), "preset": base.preset}
    for name, value in asked.items():
        if value is not None and value != has[name]:
            raise ConfigError(
                f"the continued model has the {name} {has[name]}, and its weights do not fit"
                f" {value}: leave {option_name(name)} out, or train from scratch"
            )
    if tokenizer is not None:
        raise ConfigError(
            "the continued model has its own tokenizer: leave "
            f"{option_name('tokenizer')} out, or train from scratch"
        )
    chosen = get_preset(base.preset)
    return replace(chosen, train=continued_training(chosen.train))


def continued_training(train: TrainConfig) -> TrainConfig:
    """Turn a preset's settings for training from scratch into those for continued training."""
    return replace(
        train, learning_rate=train.learning_rate / 4, initialization="random", refit=False
    )


def continued_labelling(base: ModelFiles, data: TrainingData) -> Labelling:
    """Return the model's labelling with the new classes of the data appended.

    Args:
        base: The model.
        data: The data to continue with.

    Raises:
        ConfigError: If the data is multi-label and the model is not, or the reverse.
        DataError: If the old classes are integers and a new one is not.
    """
    kind, labelling = labelling_type(data.rows), labelling_of(base.config)
    if not isinstance(labelling, kind):
        raise ConfigError(
            "the continued model is single-label, and these rows have lists of labels: give one "
            "label per text, or train from scratch"
            if kind.multi_label
            else "the continued model is multi-label, and these rows have one label each: give "
            "lists of labels"
        )
    names = data.given_classes
    return labelling.grown(kind.names(data.rows["label"]) if names is None else names)


class Grown(NamedTuple):
    """A model with new classes and tokens, before training."""

    tokenizer: TextTokenizer
    config: ClassifierConfig
    tensors: Tensors


def grown(base: ModelFiles, classes: tuple[Label, ...], texts: Iterable[str]) -> Grown:
    """Add new classes and tokens to a model.

    A new token starts at the mean of the tokens that spelt it so far, a new class at the mean of
    the old classes. Then all weights except those of the norms and the linear part are halved
    (shrink and perturb: Ash and Adams, 2020): otherwise the weights fit their texts so closely that
    they learn little more from them, and do not separate new classes from old ones.

    Args:
        base: The model to continue.
        classes: All classes, old ones first, as in `continued_labelling`.
        texts: The training texts; words of them become tokens: those that
            recur, or all if the vocabulary is not full of the words of earlier texts.
    """
    known = text_tokenizer(base.tokenizer)
    size = known.vocab_size
    # A model that reads pieces of words would know their words otherwise, and no longer its pieces.
    usual = size if base.metrics.get("in_pieces") else get_preset(base.preset).vocab_size
    room = max(usual - size, size // _GROWTH)
    # With few texts every word has an entry, and the words of vectors fill the vocabulary. If only
    # new texts had pieces, these would tell a new class from the old ones.
    least = 1 if size < usual or base.metrics.get("vectors") else 2
    tokenizer, pieces = known.grown(texts, room, least)
    config = base.config.extended(classes, tokenizer.vocab_size)
    tensors = shrunk(grown_tensors(base, len(classes), pieces), tensor_specs(config))
    return Grown(tokenizer, config, tensors)


def grown_tensors(base: ModelFiles, classes: int, pieces: Sequence[Sequence[int]]) -> Tensors:
    """Extend a model's weights for new classes and tokens.

    Before training, a new class's logit is the mean of the old classes' logits. In the linear part
    a new token has the sum of the weights of the tokens that spelt it; a new class has no weights
    in a sparse linear part.

    Args:
        base: The model to continue.
        classes: Number of classes, old and new.
        pieces: For each new token the ids that spelt it so far.
    """
    count = classes - base.config.num_labels
    tensors = {}
    if isinstance(base.config, LocalWaveConfig) and base.config.sparse_linear_size:
        tensors = grown_sparse_part(base.tensors, base.config.vocab_size, classes, pieces)
    for spec in tensor_specs(base.config):
        if spec.name in tensors:
            continue
        tensor = base.tensors[spec.name]
        if spec.new_token is not None:
            combined = np.mean if spec.new_token == "mean" else np.sum
            rows = [combined(tensor[list(ids)], axis=0, dtype=np.float32) for ids in pieces]
            tensor = np.vstack([tensor, *rows])
        if spec.label_axis is not None:
            mean = tensor.mean(axis=spec.label_axis, keepdims=True, dtype=np.float32)
            tensor = np.concatenate([tensor, *[mean] * count], axis=spec.label_axis)
        tensors[spec.name] = tensor
    return tensors


def shrunk(tensors: Tensors, specs: Sequence[TensorSpec]) -> Tensors:
    """Halve all weights except those of the norms and the linear part."""
    return {
        spec.name: tensors[spec.name] * np.float32(_SHRINKAGE)
        if spec.shrinks
        else tensors[spec.name].copy()
        for spec in specs
    }


def with_own_predictions(
    base: ModelFiles, rows: Table, targets: Targets, classes: int, share: float
) -> NDArray[np.float32]:
    """Mix a model's own predictions into the targets of old classes (Li and Hoiem, 2016).

    Args:
        base: The model to continue, before training.
        rows: The training texts.
        targets: Their targets.
        classes: Number of classes, old and new.
        share: Weight of the model's probabilities in the target of a text of an old class.

    Returns:
        A probability of each class, (texts, classes).
    """
    engine, result = Engine(base), ArrayWriter(np.float32, row=(classes,))
    for block in blocks(len(rows)):
        mixed = soft_targets(targets[block], classes)
        texts = column(rows.select(np.arange(block.start, block.stop)), "text")
        predicted = engine.predict_proba(texts)  # (texts, old classes)
        old = mixed[:, : base.config.num_labels]
        of_old = old.sum(axis=1, keepdims=True)  # 1 of a text of an old class, else 0
        kept = (1 - share) * old + share * of_old * predicted
        result.append(np.hstack([kept, mixed[:, base.config.num_labels :]]))
    return result.finish()


def class_frequencies(base: ModelFiles, targets: Targets, *, weighted: bool) -> dict[str, float]:
    """Measure how frequent old and new classes are, for `metrics.json`.

    The texts of old classes represent all texts that the model was trained on before. Where there
    are fewer of them, new classes seem more frequent than they are, and their log-odds are
    corrected (Saerens et al., 2002). There is no correction with weights, with multi-label data, or
    if the number of earlier texts is unknown.

    Args:
        base: The model to continue, before training.
        targets: The targets of the texts.
        weighted: Whether texts or classes have weights.

    Returns:
        `represented_texts`: the number of texts that the model represents after this training.
        `represented_share`: the texts of old classes as a share of the earlier training texts, at
        most 1. `new_class_offset`: what to add to the log-odds of new classes, at most 0.
    """
    old = _old_texts(base, targets)
    if not old:
        logger.warning(
            "no text has a label that the model knows, so it will forget its labels: add earlier "
            "training data%s",
            for_caller(command_line=" (--replay)", python=""),
        )
    known: int = base.metrics.get("represented_texts", base.metrics.get("training_texts", 0))
    if base.metrics.get("refit") and base.metrics.get("validation_method") != "cross-validation":
        known -= base.metrics["validation_texts"]  # as they are held out this time
    multi_label = labelling_of(base.config).multi_label
    corrected = old and known and not weighted and not multi_label
    return {
        "represented_texts": round(max(old, known) + len(targets) - old),
        "represented_share": min(1.0, old / known) if known else 1.0,
        "new_class_offset": min(0.0, log(old / known)) if corrected else 0.0,
    }


def _old_texts(base: ModelFiles, targets: Targets) -> float:
    """Count the texts of old classes; of soft targets, sum their shares."""
    count = base.config.num_labels
    if is_soft(targets):
        return float(targets[:, :count].sum(axis=1).clip(max=1).sum())
    return float((targets < count).sum())
