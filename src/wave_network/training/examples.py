"""Training and validation examples: texts with their targets and sample weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.data import TrainingData
from wave_network.data.targets import Targets, concatenate_targets, most_probable
from wave_network.training.continual import with_own_predictions
from wave_network.training.distillation import teacher_targets
from wave_network.training.recipe import Run
from wave_network.training.sample_weights import class_factors, sample_weights, with_unlabeled

if TYPE_CHECKING:
    from datasets import Dataset

_MOST_LOGITS: Final = 20_000_000  # of the texts held out, which are in memory several times


class Examples(NamedTuple):
    """Texts with their targets and sample weights.

    Attributes:
        rows: The texts, column `text`.
        targets: Hard or soft targets.
        weights: Sample weights with a mean of 1, (texts,); None: all count alike.
    """

    rows: Dataset
    targets: Targets
    weights: NDArray[np.float32] | None

    def select(self, texts: NDArray[np.int64]) -> Examples:
        """Select examples by index, in the order of the indices."""
        weights = None if self.weights is None else self.weights[texts]
        return Examples(self.rows.select(texts), self.targets[texts], weights)


def split_examples(data: TrainingData, run: Run) -> tuple[Examples, Examples]:
    """Return training and validation examples, holding the latter out if the data has none."""
    labelling, config = run.labelling, run.config
    targets = data.targets(labelling)
    own = np.asarray(data.rows["weight"][:]) if "weight" in data.rows.column_names else None
    labels = most_probable(targets)
    factors = class_factors(config.class_weight, labelling.classes, labels, own)
    training = Examples(data.rows, targets, sample_weights(labels, factors, own))
    if data.validation is not None:
        given = labelling.encode(data.validation["label"])
        counts = sample_weights(most_probable(given), factors, None)
        return training, Examples(data.validation, given, counts)
    kept, held_out = labelling.split(targets, config.validation_fraction, config.seed)
    kept, held_out = _bounded(kept, held_out, len(labelling.classes))
    return training.select(kept), training.select(held_out)


def _bounded(
    kept: NDArray[np.int64], held_out: NDArray[np.int64], classes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hold out fewer texts with thousands of classes: each text has a logit for every class."""
    most = max(1, _MOST_LOGITS // classes)
    if len(held_out) <= most:
        return kept, held_out
    chosen = np.arange(most) * len(held_out) // most
    rest = np.delete(held_out, chosen)
    return np.sort(np.concatenate([kept, rest])), held_out[chosen]


def mix_targets(examples: Examples, unlabeled: Dataset | None, run: Run) -> Examples:
    """Mix the predictions of a teacher, or of the continued model, into the targets.

    Args:
        examples: Training examples.
        unlabeled: Unlabelled texts, whose targets are the teacher's predictions.
        run: Names the teacher or the continued model; with neither, the examples do not change.
    """
    config, base, classes = run.config, run.recipe.base, run.labelling.classes
    if config.teacher is not None:
        rows, targets = teacher_targets(
            examples.rows, examples.targets, unlabeled, classes, config, run.progress
        )
        return Examples(rows, targets, with_unlabeled(examples.weights, len(targets)))
    if base is None or run.labelling.multi_label:
        return examples
    run.progress.stage("predicting with the continued model")
    share = config.distillation_weight
    targets = with_own_predictions(base, examples.rows, examples.targets, len(classes), share)
    return examples._replace(targets=targets)


def join_examples(first: Examples, second: Examples) -> Examples:
    """Concatenate examples."""
    from datasets import concatenate_datasets

    rows = concatenate_datasets([part.rows.select_columns(["text"]) for part in (first, second)])
    weights = None
    if first.weights is not None and second.weights is not None:
        weights = np.concatenate([first.weights, second.weights])
    return Examples(rows, concatenate_targets(first.targets, second.targets), weights)
