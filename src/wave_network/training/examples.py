"""Training and validation examples: texts with their targets and sample weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from wave_network.data import Table, TrainingData, concatenate
from wave_network.data.targets import Targets, concatenate_targets, most_probable
from wave_network.errors import DataError
from wave_network.evaluation.unseen import encode_with_unseen
from wave_network.scale.arrays import flatnonzero, joined, take
from wave_network.training.continual import with_own_predictions
from wave_network.training.distillation import teacher_targets
from wave_network.training.recipe import Run
from wave_network.training.sample_weights import class_factors, sample_weights, with_unlabeled

_MOST_LOGITS: Final = 20_000_000  # of the texts held out, which are in memory several times

ValidationMethod: TypeAlias = Literal["holdout", "cross-validation", "given"]

LEAST_VALIDATION: Final = 10
"""Fewer validation texts decide nothing, and an accuracy on them says nothing."""

LEAST_HELD_OUT: Final = 50
"""With fewer texts held out, all texts validate in turn: a cross-validation."""

LEAST_WITHOUT_REFIT: Final = 5
"""As `LEAST_HELD_OUT`, if the model must not be trained on the held-out texts in the end."""

MOST_HELD_OUT: Final = 200_000
"""More held-out texts would decide nothing otherwise: the accuracy's standard error is 0.001."""

FOLDS: Final = 5


class Examples(NamedTuple):
    """Texts with their targets and sample weights.

    Attributes:
        rows: The texts, column `text`.
        targets: Hard or soft targets.
        weights: Sample weights with a mean of 1, (texts,); None: all count alike.
    """

    rows: Table
    targets: Targets
    weights: NDArray[np.float32] | None

    def select(self, texts: NDArray[np.int64]) -> Examples:
        """Select examples by index, in the order of the indices."""
        weights = None if self.weights is None else take(self.weights, texts)
        targets = cast("Targets", take(self.targets, texts))
        return Examples(self.rows.select(texts), targets, weights)


@dataclass(frozen=True)
class Split:
    """How a run validates, and on which texts.

    Attributes:
        everything: All examples but validation data that was given.
        given: The validation data, as far as the model knows its labels; None if there is none.
        parts: The indices of training and held-out examples: one pair of a holdout, one for each
            fold of a cross-validation; none if nothing is held out.
        unseen: Number of validation rows that were given but whose labels the model does not know.
    """

    everything: Examples
    given: Examples | None
    parts: tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...] = ()
    unseen: int = 0

    @property
    def method(self) -> ValidationMethod | None:
        """How the run validates; None if there are too few texts to validate at all."""
        if self.given is not None:
            return "given"
        return "cross-validation" if len(self.parts) > 1 else "holdout" if self.parts else None

    @cached_property
    def training(self) -> Examples:
        """The examples but those of a holdout."""
        if len(self.parts) != 1:
            return self.everything
        ((kept, _),) = self.parts
        return self.everything.select(kept)


def split_examples(data: TrainingData, run: Run) -> Split:
    """Choose the validation examples.

    If there are too few texts for a holdout, a model from scratch is cross-validated: all decisions
    are then made on the predictions of models that were not trained on the text. As the model is
    then trained on all texts, this is not done where a refit is forbidden.
    """
    labelling, config = run.labelling, run.config
    targets = data.targets(labelling)
    own = np.asarray(data.rows["weight"][:]) if "weight" in data.rows.column_names else None
    labels = most_probable(targets)
    factors = class_factors(config.class_weight, labelling.classes, labels, own)
    training = Examples(data.rows, targets, sample_weights(labels, factors, own))
    if data.validation is not None:
        source, rows = data.sources.get("validation"), data.validation
        encoded = encode_with_unseen(labelling, rows["label"], data.unseen, source)
        if encoded.unseen:
            rows = rows.select(np.flatnonzero(encoded.known))
        given = labelling.encode(rows["label"])
        counts = sample_weights(most_probable(given), factors, None)
        return Split(training, Examples(rows, given, counts), unseen=encoded.unseen)
    try:
        holdout = labelling.split(targets, config.validation_fraction, config.seed)
    except DataError:
        holdout = None
    refits = run.recipe.base is None and config.refit is not False
    least = LEAST_HELD_OUT if refits else LEAST_WITHOUT_REFIT
    if holdout is not None and len(holdout[1]) >= least:
        return Split(training, None, (_bounded(*holdout, len(labelling.classes)),))
    folds = labelling.folds(targets, FOLDS, config.seed)
    if not refits or (folds >= 0).sum() < LEAST_VALIDATION:
        return Split(training, None)
    numbers = range(FOLDS)
    parts = [(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in numbers]
    return Split(training, None, tuple(parts))


def _bounded(
    kept: NDArray[np.int64], held_out: NDArray[np.int64], classes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hold out fewer of millions of texts, and with thousands of classes.

    Each text has a logit for every class.
    """
    most = max(1, min(MOST_HELD_OUT, _MOST_LOGITS // classes))
    if len(held_out) <= most:
        return kept, held_out
    chosen = held_out[np.arange(most) * len(held_out) // most]
    trained: NDArray[np.bool_] = np.ones(len(kept) + len(held_out), np.bool_)
    trained[chosen] = False
    return flatnonzero(trained), chosen


def mix_targets(examples: Examples, unlabeled: Table | None, run: Run) -> Examples:
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
    rows = concatenate([part.rows.select_columns(["text"]) for part in (first, second)])
    weights = None
    if first.weights is not None and second.weights is not None:
        weights = joined([first.weights, second.weights])
    return Examples(rows, concatenate_targets(first.targets, second.targets), weights)
