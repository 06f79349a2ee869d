"""Describe the data of a training run, before it trains."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network._native import threads
from wave_network.data import TrainingData
from wave_network.data.class_summary import class_summaries, count_conflicting
from wave_network.data.summary import (
    DataSummary,
    TextSummary,
)
from wave_network.data.unlabelled_summary import UnlabelledSummary
from wave_network.text.counts import TextCounts
from wave_network.training.callbacks import Progress
from wave_network.training.examples import Split
from wave_network.training.knowledge import Knowledge
from wave_network.training.recipe import Run
from wave_network.training.unlabelled import Taught

logger = logging.getLogger(__name__)


class Described(NamedTuple):
    """The data of a training run.

    Attributes:
        summary: What was read.
        hashes: A hash of each training and held-out text, (texts,).
        unlabelled: A hash of each unlabelled text that the model learns from, (texts,).
    """

    summary: DataSummary
    hashes: NDArray[np.int64]
    unlabelled: NDArray[np.int64]


class Warnings(Progress):
    """Logs what is notable about the data, for callers in Python."""

    def data(self, summary: DataSummary) -> None:
        """Log a warning for each thing that is notable."""
        for line in summary.warnings():
            logger.warning("%s", line)


def describe(
    data: TrainingData,
    split: Split,
    run: Run,
    training: TextCounts,
    validation: TextCounts | None,
    knowledge: Knowledge,
) -> Described:
    """Describe the data of a run, and report it to the run's progress.

    Args:
        data: The data.
        split: How the run validates.
        run: The run.
        training: The counts of the training texts, unlabelled ones at the end; of a
            cross-validation, those of all texts.
        validation: The counts of the validation texts; None without any, and of a
            cross-validation.
        knowledge: What the model learns from beside labelled texts.
    """
    name, rows = data.sources.get("train"), len(split.everything.rows)
    train = TextSummary.of(training, name)
    hashes = training.hashes()
    if split.method == "holdout":
        assert validation is not None
        ((kept, held),) = split.parts
        hashes = _placed(((kept, hashes), (held, validation.hashes())), rows)
        train = replace(train, rows=len(kept))
    parts = {"train": train if split.method == "holdout" else replace(train, rows=rows)}
    if validation is not None:
        held_from = None if name is None else f"held out from {name}"
        given = split.given is not None and not data.held_out
        source = data.sources.get("validation") if given else held_from
        parts["validation"] = TextSummary.of(validation, source, training.hashes())
    elif split.method == "cross-validation":
        count = sum(len(held) for _, held in split.parts)
        source = f"the training texts, in {len(split.parts)} folds of a cross-validation"
        parts["validation"] = TextSummary(rows=count, source=source)
    everything = split.everything
    summary = DataSummary(
        parts=parts,
        method="holdout" if data.held_out else split.method,
        classes=class_summaries(
            run.labelling.classes,
            everything.targets,
            lambda texts: everything.rows.select(texts)["text"][:],
        ),
        left_out=data.left_out,
        conflicting=count_conflicting(hashes[:rows], everything.targets),
        unlabeled=_unlabelled(data, knowledge.taught, validation),
        vectors=knowledge.vectors,
        threads=threads.current(),
        unseen={"validation": split.unseen},
    )
    run.progress.data(summary)
    taught = knowledge.taught
    unlabelled = np.empty(0, np.int64) if taught is None else taught.hashes
    return Described(summary, hashes, unlabelled)


def _unlabelled(
    data: TrainingData, taught: Taught | None, validation: TextCounts | None
) -> UnlabelledSummary | None:
    """Summarise the unlabelled texts."""
    if data.unlabeled is None:
        return None
    if taught is None:
        return UnlabelledSummary(len(data.unlabeled), taught=True, marked=data.marked)
    summary = replace(taught.summary, marked=data.marked)
    if validation is None:
        return summary
    return replace(summary, in_validation=int(np.isin(validation.hashes(), taught.hashes).sum()))


def _placed(
    parts: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]], rows: int
) -> NDArray[np.int64]:
    """Return the hashes of all texts in their order, from ascending places and hashes of parts."""
    for places, found in parts:
        if len(found) < len(places):  # of very many texts only the first are hashed
            rows = min(rows, int(places[len(found)]))
    hashes = np.zeros(rows, np.int64)
    for places, found in parts:
        known = int(np.searchsorted(places[: len(found)], rows))
        hashes[places[:known]] = found[:known]
    return hashes
