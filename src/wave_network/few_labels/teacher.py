"""A teacher of unlabelled texts: several views of them, pooled by cross-validation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.few_labels.pool import pool_weights
from wave_network.few_labels.views import View
from wave_network.models.numpy_ops import log_softmax, softmax

Floats = NDArray[np.float32]

_ABSENT: Final = -30.0
"""The logit of a class without texts, whose probability is about 0."""

_CHANCE: Final = 2.0
"""A log-likelihood that is lower by no more than this may be so by chance."""

NO_FOLD: Final = -1
"""The fold of a text that is never held out."""


class Teaching(NamedTuple):
    """What the views of labelled and unlabelled texts give together.

    Attributes:
        unlabelled: The probabilities of the unlabelled texts' classes, (unlabelled texts, classes).
        held_out: The indices of the labelled texts that some fold held out, (held-out texts,).
        logits: Their logits by the views of the other folds, (held-out texts, classes).
        without: The same from labelled texts alone, by the first view.
    """

    unlabelled: Floats
    held_out: NDArray[np.int64]
    logits: Floats
    without: Floats

    def helps(self, targets: Floats) -> bool:
        """Whether unlabelled texts make the held-out labels more likely, or more of them right.

        With few labels, the likelihood may be lower by chance though they help. If it is much
        lower, their clusters are of another kind than the labels.

        Args:
            targets: The targets of the held-out texts, (held-out texts, classes).
        """
        gain = (targets * (log_softmax(self.logits) - log_softmax(self.without))).sum()
        labels = targets.argmax(axis=1)
        right, before = (
            int((logits.argmax(axis=1) == labels).sum()) for logits in (self.logits, self.without)
        )
        return not len(targets) or bool(gain > 0 or (gain > -_CHANCE and right > before))


def teach(views: Sequence[View], targets: Floats, folds: NDArray[np.int64]) -> Teaching:
    """Learn the classes of unlabelled texts from labelled ones.

    Every view learns from the labelled texts of all folds but one and scores those of this fold.
    These scores decide the weight of each view in the pool. The logits of a fold's texts are pooled
    with weights that its labels did not decide.

    Args:
        views: The first learns from labelled texts alone. Of their texts, the labelled ones come
            first.
        targets: The targets of the labelled texts, (labelled texts, classes). A class that is the
            most probable one of no text gets no unlabelled text either.
        folds: The fold of each labelled text, or `NO_FOLD`. Without a fold, some text of each class
            is left.
    """
    present = np.unique(targets.argmax(axis=1))
    known = targets[:, present]
    known = known / known.sum(axis=1, keepdims=True)
    every = np.arange(len(targets))
    held_out = every[folds != NO_FOLD]
    prior = np.array([view.prior for view in views])
    scores = np.zeros((len(views), len(targets), len(present)), np.float32)
    for kept, held in _parts(folds):
        for place, found in enumerate(_scores(views, kept, known, len(targets))):
            scores[place, held] = found[held]
    pooled, alone = np.zeros_like(scores[0]), np.zeros_like(scores[0])
    for kept, held in _parts(folds):
        others = kept[folds[kept] != NO_FOLD]
        pooled[held] = _pooled(scores, prior, others, known, held)
        alone[held] = _pooled(scores[:1], prior[:1], others, known, held)
    weights = pool_weights(scores[:, held_out], known[held_out], prior)
    answers = np.zeros((0, len(present)), np.float32)
    for weight, found in zip(weights, _scores(views, every, known, len(targets)), strict=True):
        part = np.float32(weight) * found[len(targets) :]
        answers = part if not len(answers) else answers + part
    return Teaching(
        _among_all(softmax(answers), present, targets.shape[1], 0.0),
        held_out,
        _among_all(pooled[held_out], present, targets.shape[1], _ABSENT),
        _among_all(alone[held_out], present, targets.shape[1], _ABSENT),
    )


def _parts(
    folds: NDArray[np.int64],
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the indices of the texts outside and inside each fold."""
    for fold in np.unique(folds[folds != NO_FOLD]):
        yield np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)


def _scores(
    views: Sequence[View], texts: NDArray[np.int64], targets: Floats, labelled: int
) -> Iterator[Floats]:
    """Yield each view's scores of all texts, with a mean of 0 and about the same spread.

    Their roots are taken: naive Bayes scores long texts far more surely than it is right.
    """
    for view in views:
        found = view.scores(texts, targets[texts])
        found = found - found.mean(axis=1, keepdims=True)
        found /= max(float(found[labelled:].std()), 1e-6)
        yield np.sign(found) * np.sqrt(np.abs(found))


def _pooled(
    scores: Floats,
    prior: NDArray[np.float64],
    texts: NDArray[np.int64],
    targets: Floats,
    asked: NDArray[np.int64],
) -> Floats:
    """Pool the scores of some texts, with weights that the labels of others decide."""
    weights = pool_weights(scores[:, texts], targets[texts], prior)
    result: Floats = np.einsum("v,vtc->tc", weights.astype(np.float32), scores[:, asked])
    return result


def _among_all(values: Floats, present: NDArray[np.int64], classes: int, rest: float) -> Floats:
    """Return the values of present classes among those of all classes, (texts, classes)."""
    result = np.full((len(values), classes), rest, np.float32)
    result[:, present] = values
    return result
