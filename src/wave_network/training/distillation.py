"""Distillation: targets that a teacher gives, for labelled texts and for unlabelled ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from wave_network.config import Label, TrainConfig
from wave_network.data.batch import Targets
from wave_network.training.callbacks import Progress
from wave_network.training.device import resolve_device
from wave_network.training.teacher import columns_of, read_teacher

if TYPE_CHECKING:
    from datasets import Dataset

_TEXTS_AT_ONCE: Final = 256


def distil(
    training: Dataset,
    targets: Targets,
    unlabeled: Dataset | None,
    classes: Sequence[Label],
    config: TrainConfig,
    progress: Progress | None = None,
) -> tuple[Dataset, NDArray[np.float32]]:
    """Ask the teacher about every training text, once, before training.

    Args:
        training: Labelled texts.
        targets: Their labels.
        unlabeled: More texts; the teacher's answers are their targets.
        classes: The classes.
        config: Names the teacher. `distillation_weight` is its answers' share in the targets of
            labelled texts, the labels have the rest; `distillation_temperature` softens the
            mixture.
        progress: Is told of every text.

    Returns:
        All texts, and their targets, (texts, classes).

    Raises:
        ModelFolderError: If there is no such teacher, or it cannot be read.
        ConfigError: If its classes are not the data's.
        MissingExtraError: If it needs `transformers` and that is not installed.
    """
    from datasets import concatenate_datasets

    assert config.teacher is not None
    teacher = read_teacher(config.teacher, resolve_device(config.device))
    columns = columns_of(teacher.labels, classes)
    texts = training.select_columns(["text"])
    if unlabeled is not None:
        texts = concatenate_datasets([texts, unlabeled.select_columns(["text"])])
    if progress:
        progress.stage("asking the teacher", len(texts))
    taught = np.empty((len(texts), len(classes)), np.float32)
    start = 0
    for chunk in texts.iter(batch_size=_TEXTS_AT_ONCE):
        answers = teacher.predict_proba(chunk["text"])
        taught[start : start + len(answers)] = answers[:, columns]
        start += len(answers)
        if progress:
            progress.advance(len(answers))
    labelled = taught[: len(targets)]  # a view
    labelled *= config.distillation_weight
    label_weight = 1 - config.distillation_weight
    if targets.ndim == 1:
        labelled[np.arange(len(targets)), targets] += label_weight
    else:
        labelled += label_weight * targets
    return texts, _soften(taught, config.distillation_temperature)


def _soften(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """In place, what a softmax gives of the logits divided by the temperature."""
    probabilities **= 1 / temperature
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return probabilities
