"""The content of a report: the metrics of a model on labelled texts, its errors, and its costs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from wave_network.config import Label
from wave_network.data import Table, column
from wave_network.data.plain_labels import label_key
from wave_network.data.summary import TextSummary
from wave_network.data.targets import Targets, most_probable
from wave_network.evaluation.metrics import report_for
from wave_network.evaluation.unseen import Unseen, encode_with_unseen, measured_with_unseen
from wave_network.models.tensors import parameter_counts
from wave_network.persistence.folder import read_history, read_model, resolve_source, size_bytes
from wave_network.progress.stages import stage, tracked
from wave_network.report.groups import Group, groups
from wave_network.report.mistakes import (
    Booleans,
    Floats,
    Integers,
    Mistakes,
    MultiLabelMistakes,
    find_mistakes,
    find_multi_label_mistakes,
)
from wave_network.report.overlap import Overlap, find_overlap, label_names
from wave_network.report.reliability import (
    Bin,
    interval,
    multi_label_reliability_bins,
    reliability_bins,
)
from wave_network.runtime import Engine
from wave_network.runtime.counting import counted

_TEXTS_AT_ONCE: Final = 1_024
_TIMED_ALONE: Final = 200


class Speed(NamedTuple):
    """The speed of the model on these texts, on this machine.

    Attributes:
        texts_per_second: All texts, in batches, from text to probabilities.
        milliseconds: The median time of a single text.
    """

    texts_per_second: float
    milliseconds: float


class Cardinality(NamedTuple):
    """The mean number of labels of a text.

    Attributes:
        data: In the data.
        answers: In the predictions.
    """

    data: float
    answers: float


@dataclass(frozen=True)
class Content:
    """Everything that a report shows.

    Attributes:
        metrics: As `evaluate --json` prints them.
        accuracy_interval: The 95 % confidence interval of the accuracy.
        cardinality: The mean number of labels; None for single-label models.
        reliability: The accuracy of predictions by their probability.
        parameters: Number of parameters, in all and in embedding tables.
        size_bytes: Size of the model folder.
        preset: The model's preset.
        speed: The speed of the model.
        history: One record per epoch.
        mistakes: Errors of the model, and labels in doubt.
        overlap: Texts that are in the training data too; None without training data.
        lengths: Accuracy by the number of tokens that the model reads.
        class_sizes: Accuracy by the number of texts of a class, in the training data if it is
            given. Multi-label: the share of each label's texts for which it is predicted.
        training_sizes: Number of training texts of each class; None without training data.
        empty: Number of empty or blank texts.
        full: Number of texts with `max_length` tokens or more.
        max_length: The maximum number of tokens that the model reads.
        read: What was read of the texts.
        unseen: Number of texts whose labels the model does not know, which count as wrong in the
            metrics of all texts, and are left out of everything else.
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
    mistakes: Mistakes | MultiLabelMistakes
    overlap: Overlap | None
    lengths: list[Group]
    class_sizes: list[Group]
    training_sizes: list[int] | None
    empty: int
    full: int
    max_length: int
    read: TextSummary
    unseen: int


def measure(
    model: str | Path,
    rows: Table,
    training: Table | None = None,
    *,
    unseen: Unseen = "error",
    source: str | None = None,
) -> Content:
    """Measure everything that a report shows.

    Args:
        model: A model folder, or `hub:OWNER/NAME`.
        rows: Labelled texts outside the training data.
        training: The model's training data, to find duplicates.
        unseen: What becomes of rows whose label training never saw. If they count as wrong, they do
            so in the metrics of all texts; all else is of the other rows.
        source: Where the rows are from.

    Raises:
        DataError: If a label is not one of the model's.
        ModelFolderError: If the model folder is missing or damaged.
    """
    files = read_model(model)
    engine = Engine(files)
    encoded = encode_with_unseen(engine.labelling, rows["label"], unseen, source)
    probabilities, seconds = _timed_probabilities(
        engine, tracked(column(rows, "text"), "predicting", len(rows))
    )
    texts = len(rows)
    overall = measured_with_unseen(report_for, engine.labelling, probabilities, encoded)
    if encoded.unseen:
        known = np.flatnonzero(encoded.known)
        rows, probabilities = rows.select(known), probabilities[known]
    targets = engine.labelling.encode(rows["label"])
    metrics = report_for(engine.labelling, probabilities, targets)
    details = ("per_class", "confusion")
    metrics |= {name: value for name, value in overall.items() if name not in details}
    compare = _compare_multi_label if engine.labelling.multi_label else _compare_single_label
    with stage("finding errors"):
        compared = compare(engine, rows, probabilities, targets)
    counting, counts = counted(engine)
    lengths = _lengths(counting, tracked(column(rows, "text"), "counting tokens", len(rows)))
    sizes = None if training is None else _class_sizes(engine.labels, training)
    supports = (
        np.bincount(compared.labels, minlength=len(engine.labels)) if sizes is None else sizes
    )
    return Content(
        metrics=metrics,
        accuracy_interval=interval(metrics["accuracy"], texts),
        cardinality=compared.cardinality,
        reliability=compared.reliability,
        parameters=parameter_counts(files.config),
        size_bytes=size_bytes(resolve_source(model)),
        preset=files.preset,
        speed=Speed(texts / seconds, _milliseconds(engine, rows)),
        history=read_history(model),
        mistakes=compared.mistakes,
        overlap=None if training is None else find_overlap(rows, training, compared.correct),
        lengths=groups(lengths, lengths, compared.correct),
        class_sizes=groups(
            supports[compared.labels],
            supports[np.unique(compared.labels)],
            compared.hits,
            compared.labels,
        ),
        training_sizes=None if sizes is None else sizes.tolist(),
        empty=counts.empty,
        full=int((lengths >= files.config.max_length).sum()),
        max_length=files.config.max_length,
        read=TextSummary.of(counts, source),
        unseen=encoded.unseen,
    )


class _Compared(NamedTuple):
    """The predictions compared with the labels. Other fields are as in `Content`.

    Attributes:
        correct: Whether all labels of each text are predicted correctly, (texts,).
        labels: Every label of every text, as class indices, (labels,).
        hits: Whether each of these labels is predicted, (labels,).
    """

    correct: Booleans
    labels: Integers
    hits: Booleans
    cardinality: Cardinality | None
    reliability: tuple[Bin, ...]
    mistakes: Mistakes | MultiLabelMistakes


def _compare_single_label(
    engine: Engine, rows: Table, probabilities: Floats, targets: Targets
) -> _Compared:
    labels = most_probable(targets)
    correct = probabilities.argmax(axis=1) == labels
    return _Compared(
        correct=correct,
        labels=labels,
        hits=correct,
        cardinality=None,
        reliability=reliability_bins(probabilities, labels),
        mistakes=find_mistakes(engine, rows, probabilities, labels),
    )


def _compare_multi_label(
    engine: Engine, rows: Table, probabilities: Floats, targets: Targets
) -> _Compared:
    truth, given = targets > 0.5, engine.labelling.decide(probabilities)
    texts, labels = np.nonzero(truth)
    return _Compared(
        correct=(truth == given).all(axis=1),
        labels=labels,
        hits=given[texts, labels],
        cardinality=Cardinality(*(float(part.sum(axis=1).mean()) for part in (truth, given))),
        reliability=multi_label_reliability_bins(probabilities, truth),
        mistakes=find_multi_label_mistakes(engine, rows, probabilities, truth, given),
    )


def _timed_probabilities(engine: Engine, texts: Iterable[str]) -> tuple[Floats, float]:
    """Predict probabilities; return them and the seconds, without the time to read the texts."""
    remaining = iter(texts)
    parts: list[Floats] = []
    seconds = 0.0
    while chunk := list(islice(remaining, _TEXTS_AT_ONCE)):
        if not parts:
            engine.predict_proba(chunk[:64])  # warm-up: the first call builds tables
        started = time.perf_counter()
        parts.append(engine.predict_proba(chunk))
        seconds += time.perf_counter() - started
    return np.concatenate(parts), seconds


def _milliseconds(engine: Engine, rows: Table) -> float:
    places = np.unique(np.linspace(0, len(rows) - 1, _TIMED_ALONE).astype(int))
    times = []
    for text in rows.select(places)["text"]:
        started = time.perf_counter()
        engine.predict([text])
        times.append(time.perf_counter() - started)
    return 1e3 * float(np.median(times))


def _lengths(engine: Engine, texts: Iterable[str]) -> Integers:
    """Count the tokens of each text, `[CLS]` included."""
    remaining = iter(texts)
    parts: list[Integers] = []
    while chunk := list(islice(remaining, _TEXTS_AT_ONCE)):
        parts.append(np.diff(engine.tokenizer.encode(chunk).offsets))
    return np.concatenate(parts)


def _class_sizes(classes: Sequence[Label], training: Table) -> Integers:
    counts = Counter(chain.from_iterable(map(label_names, column(training, "label"))))
    return np.array([counts[label_key(label)] for label in classes], np.int64)
