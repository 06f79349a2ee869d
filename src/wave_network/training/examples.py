"""The texts to learn from and those that choose the epoch, with their answers and weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.config import Label, TrainConfig
from wave_network.data import has_label_lists, split_label_sets, stratified_split
from wave_network.data.batch import Targets, most_probable
from wave_network.data.label_sets import encode_targets
from wave_network.persistence.folder import ModelFiles
from wave_network.training.callbacks import Progress
from wave_network.training.continual import with_own_answers
from wave_network.training.distillation import distil
from wave_network.training.sample_weights import class_factors, text_weights, with_unlabeled

if TYPE_CHECKING:
    from datasets import Dataset


class Part(NamedTuple):
    """Texts with what they are to be answered with, and how much each counts."""

    rows: Dataset
    targets: Targets
    weights: NDArray[np.float32] | None


def parts_of(
    training: Dataset,
    validation: Dataset | None,
    classes: Sequence[Label],
    targets: Targets,
    config: TrainConfig,
) -> tuple[Part, Part]:
    """What is learnt from, and what chooses the epoch: given, or held out of the former."""
    multi_label = has_label_lists(training)
    labels = most_probable(targets)
    own = np.asarray(training["weight"][:]) if "weight" in training.column_names else None
    factors = class_factors(config.class_weight, classes, labels, own)
    weights = text_weights(labels, factors, own)
    if validation is not None:
        given = encode_targets(validation["label"], classes, multi_label=multi_label)
        counts = text_weights(most_probable(given), factors, None)
        return Part(training, targets, weights), Part(validation, given, counts)
    kept, held_out = _split(targets, multi_label, config)
    kept_weights, held_out_weights = (
        None if weights is None else weights[part] for part in (kept, held_out)
    )
    return (
        Part(training.select(kept), targets[kept], kept_weights),
        Part(training.select(held_out), targets[held_out], held_out_weights),
    )


def joined(first: Part, second: Part) -> Part:
    """The texts of both; where a teacher answered the first ones', the labels of the second."""
    from datasets import concatenate_datasets

    rows = concatenate_datasets([part.rows.select_columns(["text"]) for part in (first, second)])
    targets = second.targets
    if targets.ndim < first.targets.ndim:
        targets = np.eye(first.targets.shape[1], dtype=np.float32)[targets]
    weights = None
    if first.weights is not None and second.weights is not None:
        weights = np.concatenate([first.weights, second.weights])
    return Part(rows, np.concatenate([first.targets, targets]), weights)


def taught(
    part: Part,
    unlabeled: Dataset | None,
    classes: Sequence[Label],
    config: TrainConfig,
    progress: Progress | None,
) -> Part:
    """The texts with their teacher's answers mixed in, the unlabelled ones added."""
    rows, targets = distil(part.rows, part.targets, unlabeled, classes, config, progress)
    return Part(rows, targets, with_unlabeled(part.weights, len(targets)))


def held_to_answers(
    part: Part,
    base: ModelFiles,
    classes: Sequence[Label],
    config: TrainConfig,
    progress: Progress | None,
) -> Part:
    """The texts with the answers mixed in that the model to train on gave so far."""
    if progress:
        progress.stage("asking the model to train on")
    share = config.distillation_weight
    targets = with_own_answers(base, part.rows, part.targets, len(classes), share)
    return part._replace(targets=targets)


def _split(
    targets: Targets, multi_label: bool, config: TrainConfig
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    fraction, seed = config.validation_fraction, config.seed
    if multi_label:
        return split_label_sets(targets, fraction, seed)
    return stratified_split(most_probable(targets), fraction, seed)
