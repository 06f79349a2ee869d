"""Learn from unlabelled texts without a model that knows the classes.

A teacher of several simple classifiers, fitted on labelled and unlabelled texts
(`few_labels/teacher.py`), labels the unlabelled ones. The model then learns from these
probabilities and from the given labels. It learns from the archive only if cross-validation of the
teacher says that this helps.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.data import Table, column
from wave_network.data.targets import most_probable, soft_targets
from wave_network.data.unlabelled_summary import Gain, UnlabelledSummary
from wave_network.evaluation.calibration import fit_temperature
from wave_network.evaluation.posthoc import PostHoc, calibrate_post_hoc
from wave_network.few_labels.archive import read_archive, views_of
from wave_network.few_labels.teacher import NO_FOLD, Teaching, teach
from wave_network.training.examples import FOLDS, Examples, Split, join_examples
from wave_network.training.recipe import Run
from wave_network.training.sample_weights import with_unlabeled

_LEAST_TEXTS: Final = 50
"""Fewer unlabelled texts teach nothing."""

_HELD_OUT_SHARE: Final = 10  # one unlabelled text in so many calibrates the model
_MOST_HELD_OUT: Final = 1_000


class Taught(NamedTuple):
    """Unlabelled texts, and what their teacher says of them.

    Attributes:
        summary: What was read, and whether it helps.
        rows: The texts to learn from, column `text`.
        hashes: A hash of each of them.
        folds: The fold of each labelled text.
        teaching: The teacher's probabilities; None if the texts are left out.
    """

    summary: UnlabelledSummary
    rows: Table
    hashes: NDArray[np.int64]
    folds: NDArray[np.int64]
    teaching: Teaching | None

    def examples(self, labelled: Examples, run: Run) -> tuple[Examples, Examples]:
        """Return the examples to train on, labelled ones first, and those held out.

        The targets of unlabelled texts are the teacher's. Some of these texts are held out, for the
        model's probabilities to be as sure as the teacher's.

        Args:
            labelled: All labelled examples.
            run: Names the labelling and the seed.
        """
        assert self.teaching is not None
        count = min(len(self.rows) // _HELD_OUT_SHARE, _MOST_HELD_OUT)
        order = np.random.default_rng(run.config.seed).permutation(len(self.rows))
        held, kept = np.sort(order[:count]), np.sort(order[count:])
        unlabelled = Examples(self.rows, self.teaching.unlabelled, None)
        joined = join_examples(labelled, unlabelled.select(kept))
        weights = with_unlabeled(labelled.weights, len(joined.targets))
        return joined._replace(weights=weights), unlabelled.select(held)

    def split(self, everything: Examples) -> Split:
        """Return how the teacher was validated, on which labelled texts."""
        numbers = np.unique(self.folds[self.folds != NO_FOLD])
        parts = [
            (np.flatnonzero(self.folds != fold), np.flatnonzero(self.folds == fold))
            for fold in numbers
        ]
        return Split(everything, None, tuple(parts))

    def calibrate(
        self, labelled: Examples, held_out: Examples, logits: NDArray[np.float32], run: Run
    ) -> PostHoc:
        """Fit the model's temperature to the teacher, and report the teacher's metrics.

        The labels held out in cross-validation decided how sure the teacher is. They are what the
        metrics and the thresholds of prediction sets are measured with.

        Args:
            labelled: All labelled examples.
            held_out: The unlabelled examples held out.
            logits: The model's logits of these, (held-out texts, classes).
            run: Names the labelling, and whether there is a temperature.
        """
        assert self.teaching is not None
        fits, tested = run.config.calibrate, labelled.select(self.teaching.held_out)
        temperature = fit_temperature(logits, held_out.targets) if fits else None
        if not len(tested.targets):
            return PostHoc(temperature, None, None, None, None)
        teacher = calibrate_post_hoc(
            run.labelling,
            self.teaching.logits,
            tested.targets,
            tested.weights,
            fits_temperature=False,
        )
        return teacher._replace(temperature=temperature)


def learn_from(unlabelled: Table, labelled: Examples, run: Run) -> Taught:
    """Fit a teacher on labelled and unlabelled texts, and find out whether it helps.

    Args:
        unlabelled: The unlabelled texts, column `text`.
        labelled: All labelled examples.
        run: Names the labelling and the seed.
    """
    classes, seed = len(run.labelling.classes), run.config.seed
    run.progress.stage("learning from the unlabelled texts")
    archive = read_archive(unlabelled, labelled.rows, classes, seed)
    folds = run.labelling.folds(labelled.targets, FOLDS, seed)
    summary = UnlabelledSummary(
        texts=len(unlabelled),
        sampled=archive.sampled,
        duplicates=archive.repeated,
        in_training=archive.labelled,
    )
    hashes = np.fromiter(map(hash, column(archive.rows, "text")), np.int64, len(archive.rows))
    nothing = Taught(summary, archive.rows, hashes, folds, None)
    if len(archive.rows) < _LEAST_TEXTS:
        return nothing
    targets = soft_targets(labelled.targets, classes)
    teaching = teach(
        views_of(labelled.rows, archive.rows, seed, run.recipe.vectors), targets, folds
    )
    gain = _gain(teaching, labelled)
    summary = replace(summary, gain=gain)
    if not teaching.helps(targets[teaching.held_out]):
        return nothing._replace(summary=summary)
    summary = replace(summary, used=len(archive.rows))
    return nothing._replace(summary=summary, teaching=teaching)


def _gain(teaching: Teaching, labelled: Examples) -> Gain | None:
    labels = most_probable(labelled.targets)[teaching.held_out]
    if not len(labels):
        return None
    without, with_unlabelled = (
        float((logits.argmax(axis=1) == labels).mean())
        for logits in (teaching.without, teaching.logits)
    )
    return Gain(without, with_unlabelled)
