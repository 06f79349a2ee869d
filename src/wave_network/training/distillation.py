"""Distillation: targets from a teacher, for labelled and unlabelled texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.config import Label, TrainConfig
from wave_network.data import Table, concatenate
from wave_network.data.targets import Targets, soft_targets
from wave_network.scale.arrays import ArrayWriter, blocks
from wave_network.training.callbacks import SILENT, Progress
from wave_network.training.teacher import columns_of, read_teacher

_TEXTS_AT_ONCE: Final = 256


def teacher_targets(
    training: Table,
    targets: Targets,
    unlabeled: Table | None,
    classes: Sequence[Label],
    config: TrainConfig,
    progress: Progress = SILENT,
) -> tuple[Table, NDArray[np.float32]]:
    """Predict every training text with the teacher, once, before training.

    Args:
        training: Labelled texts.
        targets: Their targets.
        unlabeled: Unlabelled texts, or None; the teacher's probabilities are their targets.
        classes: The classes.
        config: Names the teacher. `distillation_weight` is the weight of the teacher's
            probabilities in the targets of labelled texts, the given labels get the remainder;
            `distillation_temperature` softens the mixture.
        progress: Receives the progress.

    Returns:
        All texts, and their targets, (texts, classes).

    Raises:
        ModelFolderError: If the teacher is missing or cannot be read.
        ConfigError: If its classes are not the data's.
        MissingExtraError: If it needs `transformers`, which is not installed.
    """
    assert config.teacher is not None
    teacher = read_teacher(config.teacher, config.device)
    columns = columns_of(teacher.labels, classes)
    texts = training.select_columns(["text"])
    if unlabeled is not None:
        texts = concatenate([texts, unlabeled.select_columns(["text"])])
    progress.stage("predicting with the teacher", len(texts))
    mixed = ArrayWriter(np.float32, row=(len(classes),))
    for block in blocks(len(texts), _TEXTS_AT_ONCE):
        found = teacher.predict_proba(texts["text"][block])
        predicted = np.ascontiguousarray(found[:, columns], np.float32)
        own = targets[block]  # fewer at the end of the labelled texts
        labelled = predicted[: len(own)]  # a view
        labelled *= config.distillation_weight
        labelled += (1 - config.distillation_weight) * soft_targets(own, len(classes))
        mixed.append(_soften(predicted, config.distillation_temperature))
        progress.advance(len(predicted))
    return texts, mixed.finish()


def _soften(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Divide the logits behind probabilities by the temperature, in place."""
    probabilities **= 1 / temperature
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return probabilities
