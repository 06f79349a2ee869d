"""The content of a report: the metrics of a model on labelled texts, its errors, and its costs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from wave_network.config import Label
from wave_network.data import column
from wave_network.data.batch import Targets, most_probable
from wave_network.data.label_sets import encode_targets
from wave_network.evaluation.metrics import report_for
from wave_network.models.functional import given_labels
from wave_network.models.tensors import parameter_counts
from wave_network.persistence.folder import read_history, read_model, resolve_source, size_bytes
from wave_network.report.groups import Group, groups
from wave_network.report.mistakes import (
    Booleans,
    Floats,
    Integers,
    Mistakes,
    SetMistakes,
    find_mistakes,
    find_set_mistakes,
)
from wave_network.report.overlap import Overlap, find_overlap, label_names
from wave_network.report.reliability import (
    Bin,
    interval,
    reliability_bins,
    reliability_bins_of_sets,
)
from wave_network.runtime import Engine

if TYPE_CHECKING:
    from datasets import Dataset

_TEXTS_AT_ONCE: Final = 1_024
_TIMED_ALONE: Final = 200


class Speed(NamedTuple):
    """How fast the model was on these texts, on this machine.

    Attributes:
        texts_per_second: All texts, in batches, from text to probabilities.
        milliseconds: The median time of one text alone.
    """

    texts_per_second: float
    milliseconds: float


class Cardinality(NamedTuple):
    """How many labels a text has on average.

    Attributes:
        data: In the data.
        answers: In the model's answers.
    """

    data: float
    answers: float


@dataclass(frozen=True)
class Content:
    """Everything that a report shows.

    Attributes:
        metrics: As `evaluate --json` prints them.
        accuracy_interval: The 95 % confidence interval of the accuracy.
        cardinality: How many labels a text has; None where each has one.
        reliability: The accuracy of predictions, by their probability.
        parameters: The model's parameters, and those of embedding tables among them.
        size_bytes: Of the model folder.
        preset: What the model was made from.
        speed: How fast it was.
        history: One record per epoch.
        mistakes: Errors of the model, and labels in doubt.
        overlap: Texts that are in the training data too; None without training data.
        lengths: Accuracy by the number of tokens that the model reads.
        class_sizes: Accuracy by the number of texts of a class, in the training data if it is
            given. With several labels a text, each counts by itself: the share that is predicted.
        training_sizes: The number of training texts of each class, in order; None without.
        empty: How many texts are empty or blank.
        full: How many texts reach the most tokens that the model reads.
        max_length: That number of tokens.
    """

    metrics: dict[str, Any]
    accuracy_interval: tuple[float, float]
    cardinality: Cardinality | None
    reliability: tuple[Bin, ...]
    parameters: dict[str, int]
    size_bytes: int
    preset: str
    speed: Speed
    history: list[dict[str, Any]]
    mistakes: Mistakes | SetMistakes
    overlap: Overlap | None
    lengths: list[Group]
    class_sizes: list[Group]
    training_sizes: list[int] | None
    empty: int
    full: int
    max_length: int


def measure(source: str | Path, rows: Dataset, training: Dataset | None = None) -> Content:
    """Measure everything that a report shows.

    Args:
        source: A model folder, or `hub:OWNER/NAME`.
        rows: Labelled texts that the model was not trained on.
        training: The texts it was trained on, to find duplicates.

    Raises:
        DataError: If a label is not one of the model's.
        ModelFolderError: If the model folder is missing or damaged.
    """
    files = read_model(source)
    engine = Engine(files)
    multi_label = files.config.is_multi_label
    targets = encode_targets(rows["label"], engine.labels, multi_label=multi_label)
    probabilities, seconds = _timed_probabilities(engine, column(rows, "text"))
    metrics = report_for(files.config, probabilities, targets)
    judge = _judged_sets if multi_label else _judged
    judged = judge(engine, rows, probabilities, targets)
    lengths, empty = _lengths(engine, column(rows, "text"))
    sizes = None if training is None else _class_sizes(engine.labels, training)
    supports = np.bincount(judged.labels, minlength=len(engine.labels)) if sizes is None else sizes
    return Content(
        metrics=metrics,
        accuracy_interval=interval(metrics["accuracy"], len(rows)),
        cardinality=judged.cardinality,
        reliability=judged.reliability,
        parameters=parameter_counts(files.config),
        size_bytes=size_bytes(resolve_source(source)),
        preset=files.preset,
        speed=Speed(len(rows) / seconds, _milliseconds(engine, rows)),
        history=read_history(source),
        mistakes=judged.mistakes,
        overlap=None if training is None else find_overlap(rows, training, judged.correct),
        lengths=groups(lengths, lengths, judged.correct),
        class_sizes=groups(
            supports[judged.labels], supports[np.unique(judged.labels)], judged.hits, judged.labels
        ),
        training_sizes=None if sizes is None else sizes.tolist(),
        empty=empty,
        full=int((lengths >= files.config.max_length).sum()),
        max_length=files.config.max_length,
    )


class _Judged(NamedTuple):
    """The answers beside the labels.

    Attributes:
        correct: Whether each text is answered rightly, (texts,): of label sets, in every label.
        labels: Every label of every text, as class indices, (labels,).
        hits: And whether the answer has it.

    The other fields are those of `Content`.
    """

    correct: Booleans
    labels: Integers
    hits: Booleans
    cardinality: Cardinality | None
    reliability: tuple[Bin, ...]
    mistakes: Mistakes | SetMistakes


def _judged(engine: Engine, rows: Dataset, probabilities: Floats, targets: Targets) -> _Judged:
    labels = most_probable(targets)
    correct = probabilities.argmax(axis=1) == labels
    return _Judged(
        correct=correct,
        labels=labels,
        hits=correct,
        cardinality=None,
        reliability=reliability_bins(probabilities, labels),
        mistakes=find_mistakes(engine, rows, probabilities, labels),
    )


def _judged_sets(engine: Engine, rows: Dataset, probabilities: Floats, targets: Targets) -> _Judged:
    truth, given = targets > 0.5, given_labels(probabilities, engine.config.thresholds)
    texts, labels = np.nonzero(truth)
    return _Judged(
        correct=(truth == given).all(axis=1),
        labels=labels,
        hits=given[texts, labels],
        cardinality=Cardinality(*(float(part.sum(axis=1).mean()) for part in (truth, given))),
        reliability=reliability_bins_of_sets(probabilities, truth),
        mistakes=find_set_mistakes(engine, rows, probabilities, truth, given),
    )


def _timed_probabilities(engine: Engine, texts: Iterable[str]) -> tuple[Floats, float]:
    """Class probabilities, and the seconds they took; reading the texts does not count."""
    remaining = iter(texts)
    parts: list[Floats] = []
    seconds = 0.0
    while chunk := list(islice(remaining, _TEXTS_AT_ONCE)):
        if not parts:
            engine.predict_proba(chunk[:64])  # the first call ever builds tables
        started = time.perf_counter()
        parts.append(engine.predict_proba(chunk))
        seconds += time.perf_counter() - started
    return np.concatenate(parts), seconds


def _milliseconds(engine: Engine, rows: Dataset) -> float:
    places = np.unique(np.linspace(0, len(rows) - 1, _TIMED_ALONE).astype(int))
    times = []
    for text in rows.select(places)["text"]:
        started = time.perf_counter()
        engine.predict([text])
        times.append(time.perf_counter() - started)
    return 1e3 * float(np.median(times))


def _lengths(engine: Engine, texts: Iterable[str]) -> tuple[Integers, int]:
    """The tokens of each text, `[CLS]` included, and how many texts are empty."""
    remaining = iter(texts)
    parts: list[Integers] = []
    empty = 0
    while chunk := list(islice(remaining, _TEXTS_AT_ONCE)):
        parts.append(np.diff(engine.tokenizer.encode(chunk).offsets))
        empty += sum(not text.strip() for text in chunk)
    return np.concatenate(parts), empty


def _class_sizes(classes: Sequence[Label], training: Dataset) -> Integers:
    counts = Counter(chain.from_iterable(map(label_names, column(training, "label"))))
    return np.array([counts[str(label)] for label in classes], np.int64)
