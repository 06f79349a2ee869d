"""Continued training: a model's classes, vocabulary and weights, grown for new rows.

What there is stays where it is: old classes keep their columns, old tokens their ids, and with
them the buckets of their pairs. New ones are appended.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import log
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.config import (
    ClassifierConfig,
    Label,
    Preset,
    TrainConfig,
    get_preset,
)
from wave_network.data import TrainingData, column, labelling_type
from wave_network.data.labels import Labelling, labelling_of
from wave_network.data.targets import Targets, is_soft, soft_targets
from wave_network.errors import ConfigError, for_caller, option_name
from wave_network.models.tensor_spec import Tensors, TensorSpec
from wave_network.models.tensors import tensor_specs
from wave_network.persistence.folder import ModelFiles
from wave_network.runtime import Engine
from wave_network.text import TextTokenizer

if TYPE_CHECKING:
    from datasets import Dataset

logger = logging.getLogger(__name__)

_GROWTH: Final = 10  # a full vocabulary grows by one word in so many entries, at most
_SHRINKAGE: Final = 0.5


def continued_preset(
    base: ModelFiles, preset: str | None, model_options: Mapping[str, Any], tokenizer: str | None
) -> Preset:
    """The preset of a model that is trained on, with what suits weights that know much.

    Args:
        base: The model.
        preset: The preset asked for; None: the model's.
        model_options: Fields of the model's configuration that were asked for; None: the model's.
        tokenizer: The tokenizer asked for.

    Raises:
        ConfigError: If something was asked for that the model's weights do not fit, or the model is
            the papers'.
    """
    if not base.config.can_be_continued:
        raise ConfigError(
            f"the model to train on is the papers' (preset {base.preset}), which is trained from "
            "scratch alone: the presets small, tiny and large can be trained on"
        )
    asked = {"preset": preset, **model_options}
    has = {**base.config.to_dict(), "preset": base.preset}
    for name, value in asked.items():
        if value is not None and value != has[name]:
            raise ConfigError(
                f"the model to continue has the {name} {has[name]}, which its weights are made for,"
                f" not {value}: leave {option_name(name)} out, or train from scratch"
            )
    if tokenizer is not None:
        raise ConfigError(
            "the model to continue has its own tokenizer: leave "
            f"{option_name('tokenizer')} out, or train from scratch"
        )
    chosen = get_preset(base.preset)
    return replace(chosen, train=continued_training(chosen.train))


def continued_training(train: TrainConfig) -> TrainConfig:
    """How a model of a preset is trained on, of how the preset trains from scratch."""
    return replace(
        train, learning_rate=train.learning_rate / 4, initialization="random", refit=False
    )


def continued_labelling(base: ModelFiles, data: TrainingData) -> Labelling:
    """The model's labelling, with the training data's new classes appended.

    Args:
        base: The model.
        data: The data to continue with.

    Raises:
        ConfigError: If the labels are lists and the model gives one label a text, or the reverse.
        DataError: If the old classes are integers and a new one is not.
    """
    kind, labelling = labelling_type(data.rows), labelling_of(base.config)
    if not isinstance(labelling, kind):
        raise ConfigError(
            "the model to train on gives one label a text, and these rows have lists of labels: "
            "give one label each, or train from scratch"
            if kind.multi_label
            else "the model to train on gives any number of labels a text, and these rows have one "
            "each: give lists of labels"
        )
    names = data.given_classes
    return labelling.grown(kind.names(data.rows["label"]) if names is None else names)


class Grown(NamedTuple):
    """A model with room for more, not trained yet."""

    tokenizer: TextTokenizer
    config: ClassifierConfig
    tensors: Tensors


def grown(base: ModelFiles, classes: tuple[Label, ...], texts: Iterable[str]) -> Grown:
    """Where a model that is trained on starts: with room for new classes and new words.

    A new token starts at the mean of the tokens that spelt it so far, a new class at the mean of
    the old ones. Then all weights are halved, those of the norms and of the linear part apart, so
    that they are less sure (Ash and Adams, 2020): weights that have learnt their texts by heart
    learn little from them a second time, and put no limits to a new class.

    Args:
        base: The model.
        classes: Old ones first, as in `continued_labelling`.
        texts: The training texts; words that recur in them get entries of their own.
    """
    size = base.tokenizer.vocab_size
    room = max(get_preset(base.preset).vocab_size - size, size // _GROWTH)
    tokenizer, pieces = base.tokenizer.grown(texts, room)
    config = base.config.extended(classes, tokenizer.vocab_size)
    tensors = shrunk(grown_tensors(base, len(classes), pieces), tensor_specs(config))
    return Grown(tokenizer, config, tensors)


def grown_tensors(base: ModelFiles, classes: int, pieces: Sequence[Sequence[int]]) -> Tensors:
    """A model's weights in the shape of more classes and more tokens.

    Until they are trained, a new class's logit is the mean of the old ones' logits. To the linear
    part a new token is worth as much as those that spelt it together.

    Args:
        base: The model.
        classes: Their number, old and new.
        pieces: For each new token the ids that spelt it so far.
    """
    count = classes - base.config.num_labels
    tensors = {}
    for spec in tensor_specs(base.config):
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
    """All weights at half their size, except those of norms and of the linear part."""
    return {
        spec.name: tensors[spec.name] * np.float32(_SHRINKAGE)
        if spec.shrinks
        else tensors[spec.name]
        for spec in specs
    }


def with_own_answers(
    base: ModelFiles, rows: Dataset, targets: Targets, classes: int, share: float
) -> NDArray[np.float32]:
    """Targets that hold a model to what it answered to texts of its classes (Li and Hoiem, 2016).

    Args:
        base: The model as it is.
        rows: The training texts.
        targets: Their targets.
        classes: Their number, old and new.
        share: The weight of the model's answers in the target of a text of an old class.

    Returns:
        A probability of each class, (texts, classes).
    """
    mixed = soft_targets(targets, classes)
    answers = Engine(base).predict_proba(column(rows, "text"))  # (texts, old classes)
    old = mixed[:, : base.config.num_labels]
    of_old = old.sum(axis=1, keepdims=True)  # 1 of a text of an old class, else 0
    kept = (1 - share) * old + share * of_old * answers
    return np.hstack([kept, mixed[:, base.config.num_labels :]])


def class_frequencies(base: ModelFiles, targets: Targets, *, weighted: bool) -> dict[str, float]:
    """What `metrics.json` tells of how frequent old and new classes are.

    Texts of old classes stand for all that the model learnt from; where they are fewer, a new class
    seems more frequent than it is, and its odds are corrected by as much (Saerens et al., 2002).
    Nothing is corrected where weights say what counts, where a text may have several labels, or
    where nobody knows how many texts there were.

    Args:
        base: The model as it was.
        targets: The targets of the texts.
        weighted: Whether some texts or classes count more than others.

    Returns:
        `represented_texts`, for how many texts the model stands after this training;
        `represented_share`, for how many of those that the model learnt from there is a text of an
        old class, at most 1; and `new_class_offset`, at most 0, which the log-odds of its new
        classes are to get.
    """
    old = _old_texts(base, targets)
    if not old:
        logger.warning(
            "no text has a label that the model knows, so it will forget those: add rows that it "
            "was trained on%s",
            for_caller(command_line=" (--replay)", python=""),
        )
    known: int = base.metrics.get("represented_texts", base.metrics.get("training_texts", 0))
    if base.metrics.get("refit"):
        known -= base.metrics["validation_texts"]  # as they are held out this time
    multi_label = labelling_of(base.config).multi_label
    corrected = old and known and not weighted and not multi_label
    return {
        "represented_texts": round(max(old, known) + len(targets) - old),
        "represented_share": min(1.0, old / known) if known else 1.0,
        "new_class_offset": min(0.0, log(old / known)) if corrected else 0.0,
    }


def _old_texts(base: ModelFiles, targets: Targets) -> float:
    """How many texts have labels that the model knows: of probabilities, the sum of the shares."""
    count = base.config.num_labels
    if is_soft(targets):
        return float(targets[:, :count].sum(axis=1).clip(max=1).sum())
    return float((targets < count).sum())
