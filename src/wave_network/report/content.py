"""What a report says, measured: the answers to labelled texts, and what follows from them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.config import Label
from wave_network.data import column, encode_labels
from wave_network.errors import ConfigError
from wave_network.model_folder import (
    parameter_counts,
    read_history,
    read_model,
    resolve_source,
    size_bytes,
)
from wave_network.report.duplicates import Duplicate, find_duplicates
from wave_network.report.label_errors import find_label_errors
from wave_network.report.reliability import Bin, interval, reliability_bins
from wave_network.runtime import Engine
from wave_network.training.metrics import full_report

if TYPE_CHECKING:
    from datasets import Dataset

    from wave_network.runtime.explain import Explanation

EXAMPLES: Final = 20
"""How many errors, doubtful labels and duplicates are shown of each."""
CHARACTERS: Final = 1_500
"""How many characters of a text are shown."""

_GROUPS: Final = 5
_TEXTS_AT_ONCE: Final = 1_024
_TIMED_ALONE: Final = 200

Floats = NDArray[np.floating]
Integers = NDArray[np.int64]


class Speed(NamedTuple):
    """How quick the model was on these texts, here and now.

    Attributes:
        texts_per_second: All texts, in batches, from text to probabilities.
        milliseconds: The median time of one text alone.
    """

    texts_per_second: float
    milliseconds: float


class Group(NamedTuple):
    """Texts that are alike in length or in the size of their class.

    Attributes:
        low: The least length or size among them.
        high: The largest.
        classes: How many classes they are of.
        texts: How many they are.
        accuracy: The share answered rightly.
        interval: The 95 % confidence interval of that share.
    """

    low: int
    high: int
    classes: int
    texts: int
    accuracy: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Answer:
    """A text with its label and another class that the model prefers.

    Attributes:
        text: The text, cut to `CHARACTERS`.
        row: Its place in the data, from 1.
        label: Its label.
        label_score: The probability of that label.
        other: The predicted or suggested class.
        other_score: And its probability.
        explanation: Why the model prefers that class; None where that cannot be told.
    """

    text: str
    row: int
    label: Label
    label_score: float
    other: Label
    other_score: float
    explanation: Explanation | None = None


class Pair(NamedTuple):
    """A test text and its duplicate in the training data, with their labels."""

    duplicate: Duplicate
    text: str
    label: str
    training_text: str
    training_label: str


@dataclass(frozen=True)
class Overlap:
    """What the data shares with the training data.

    Attributes:
        training_texts: How many training texts were compared.
        exact: Texts that are in the training data but for case, spaces and punctuation.
        near: Texts that are there nearly.
        differing: Texts of both kinds whose duplicate has another label.
        accuracy: Of the texts with a duplicate; None where there are none.
        accuracy_without: Of all others; None where there are none.
        pairs: Examples: differing labels first, then the most similar.
    """

    training_texts: int
    exact: int
    near: int
    differing: int
    accuracy: float | None
    accuracy_without: float | None
    pairs: list[Pair]


@dataclass(frozen=True)
class Content:
    """All that a report says.

    Attributes:
        figures: As `evaluate --json` prints them.
        accuracy_interval: The 95 % confidence interval of the accuracy.
        reliability: The accuracy of answers of like probability.
        parameters: The model's parameters, and those of embedding tables among them.
        size_bytes: Of the model folder.
        preset: What the model was made from.
        speed: How quick it was.
        history: One record an epoch.
        errors: The most confident wrong answers.
        not_explained: Why they have no explanations; empty where they have.
        label_errors: The most doubtful labels.
        label_error_count: How many labels are in doubt.
        label_error_pairs: The most frequent (label, suggested class, count).
        confusions: The most frequent (true class, predicted class, count).
        overlap: What is in the training data too; None without training data.
        lengths: By the number of tokens that the model reads.
        class_sizes: By the number of texts of a class, in the training data where it is given.
        training_sizes: The number of training texts of each class, in order; None without.
        empty: Texts without anything but blanks.
        full: Texts that fill the longest the model reads; the rest of them, if any, is not read.
        max_length: That longest number of tokens.
    """

    figures: dict[str, Any]
    accuracy_interval: tuple[float, float]
    reliability: tuple[Bin, ...]
    parameters: dict[str, int]
    size_bytes: int
    preset: str
    speed: Speed
    history: list[dict[str, Any]]
    errors: list[Answer]
    not_explained: str
    label_errors: list[Answer]
    label_error_count: int
    label_error_pairs: list[tuple[Label, Label, int]]
    confusions: list[tuple[Label, Label, int]]
    overlap: Overlap | None
    lengths: list[Group]
    class_sizes: list[Group]
    training_sizes: list[int] | None
    empty: int
    full: int
    max_length: int


def check_model(source: str | Path) -> None:
    """Refuse, before any data is read, a model that no report can be made of.

    Raises:
        ConfigError: If it gives a text any number of labels.
        ModelFolderError: If the model folder is missing or damaged.
    """
    if read_model(source).config.is_multi_label:
        raise ConfigError(
            f"{source} gives a text any number of labels, and a report is on one label a text: "
            "wave-network evaluate has its figures"
        )


def measure(source: str | Path, rows: Dataset, training: Dataset | None = None) -> Content:
    """Find out all that a report says.

    Args:
        source: A model folder, or `hub:OWNER/NAME`.
        rows: Labelled texts that the model was not trained on.
        training: Those it was trained on, to look for duplicates.

    Raises:
        DataError: If a label is none of the model's.
        ModelFolderError: If the model folder is missing or damaged.
    """
    files = read_model(source)
    engine = Engine(files)
    _, labels = encode_labels(rows["label"], engine.labels)
    probabilities, seconds = _timed_probabilities(engine, column(rows, "text"))
    correct = probabilities.argmax(axis=1) == labels
    figures = full_report(probabilities, labels, engine.labels)
    errors, not_explained = _errors(engine, rows, probabilities, labels)
    doubts = find_label_errors(probabilities, labels)
    lengths, empty = _lengths(engine, column(rows, "text"))
    sizes = None if training is None else _class_sizes(engine.labels, training)
    supports = np.bincount(labels, minlength=len(engine.labels)) if sizes is None else sizes
    return Content(
        figures=figures,
        accuracy_interval=interval(figures["accuracy"], len(labels)),
        reliability=reliability_bins(probabilities, labels),
        parameters=parameter_counts(files.config),
        size_bytes=size_bytes(resolve_source(source)),
        preset=files.preset,
        speed=Speed(len(labels) / seconds, _milliseconds(engine, rows)),
        history=read_history(source),
        errors=errors,
        not_explained=not_explained,
        label_errors=[
            _answer(engine, rows, probabilities, labels, int(row), int(other))
            for row, other in zip(*(part[:EXAMPLES] for part in doubts), strict=True)
        ],
        label_error_count=len(doubts.texts),
        label_error_pairs=_pairs(engine.labels, labels[doubts.texts], doubts.suggested),
        confusions=_pairs(engine.labels, labels[~correct], probabilities[~correct].argmax(axis=1)),
        overlap=None if training is None else _overlap(rows, training, correct),
        lengths=_groups(lengths, lengths, labels, correct),
        class_sizes=_groups(supports[labels], supports[np.unique(labels)], labels, correct),
        training_sizes=None if sizes is None else sizes.tolist(),
        empty=empty,
        full=int((lengths >= files.config.max_length).sum()),
        max_length=files.config.max_length,
    )


def _timed_probabilities(engine: Engine, texts: Iterable[str]) -> tuple[Floats, float]:
    """Class probabilities, and the seconds they took without reading the texts."""
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


def _errors(
    engine: Engine, rows: Dataset, probabilities: Floats, labels: Integers
) -> tuple[list[Answer], str]:
    """The most confident wrong answers, explained; and why they are not, if they are not."""
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    order = wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:EXAMPLES]
    answers = [
        _answer(engine, rows, probabilities, labels, int(row), int(predicted[row])) for row in order
    ]
    try:
        explanations = list(engine.iter_explain(rows[int(row)]["text"] for row in order))
    except ConfigError as error:
        return answers, str(error)
    return [
        replace(answer, explanation=_shortened(explanation))
        for answer, explanation in zip(answers, explanations, strict=True)
    ], ""


def _shortened(explanation: Explanation) -> Explanation:
    """What is shown of it: of a long text, the start."""
    tokens = tuple(token for token in explanation.tokens if token.end <= CHARACTERS)
    return replace(explanation, text=shortened(explanation.text), tokens=tokens)


def shortened(text: str) -> str:
    """The start of a long text, marked as such."""
    return text if len(text) <= CHARACTERS else text[:CHARACTERS] + " …"


def _answer(
    engine: Engine, rows: Dataset, probabilities: Floats, labels: Integers, row: int, other: int
) -> Answer:
    label = int(labels[row])
    return Answer(
        text=shortened(rows[row]["text"]),
        row=row + 1,
        label=engine.labels[label],
        label_score=float(probabilities[row, label]),
        other=engine.labels[other],
        other_score=float(probabilities[row, other]),
    )


def _pairs(
    classes: Sequence[Label], given: Integers, others: NDArray[np.integer]
) -> list[tuple[Label, Label, int]]:
    """The most frequent pairs of classes, each with its count."""
    counts = Counter(zip(given.tolist(), others.tolist(), strict=True))
    return [
        (classes[label], classes[other], count) for (label, other), count in counts.most_common(10)
    ]


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
    counts = Counter(map(str, column(training, "label")))
    return np.array([counts[str(label)] for label in classes], np.int64)


def _groups(
    values: Integers, spread: Integers, labels: Integers, correct: NDArray[np.bool_]
) -> list[Group]:
    """Texts of like values together.

    Args:
        values: One for each text.
        spread: The values whose quantiles part at most five groups.
        labels: The texts' classes.
        correct: Which texts are answered rightly.
    """
    shares = np.linspace(0, 1, _GROUPS + 1)[1:]
    edges = np.unique(np.quantile(spread, shares, method="lower"))
    places = np.searchsorted(edges, values, side="left")
    result = []
    for place in np.unique(places):
        members = places == place
        count, accuracy = int(members.sum()), float(correct[members].mean())
        result.append(
            Group(
                low=int(values[members].min()),
                high=int(values[members].max()),
                classes=len(np.unique(labels[members])),
                texts=count,
                accuracy=accuracy,
                interval=interval(accuracy, count),
            )
        )
    return result


def _overlap(rows: Dataset, training: Dataset, correct: NDArray[np.bool_]) -> Overlap:
    found = find_duplicates(column(rows, "text"), column(training, "text"))
    pairs = []
    for one in found:
        row, other = rows[one.test], training[one.training]
        pair = Pair(
            duplicate=one,
            text=shortened(row["text"]),
            label=str(row["label"]),
            training_text=shortened(other["text"]),
            training_label=str(other["label"]),
        )
        pairs.append(pair)
    differing = sum(pair.label != pair.training_label for pair in pairs)
    pairs.sort(key=lambda pair: (pair.label == pair.training_label, -pair.duplicate.similarity))
    shared = np.zeros(len(rows), np.bool_)
    shared[[one.test for one in found]] = True
    return Overlap(
        training_texts=len(training),
        exact=sum(one.exact for one in found),
        near=sum(not one.exact for one in found),
        differing=differing,
        accuracy=float(correct[shared].mean()) if shared.any() else None,
        accuracy_without=float(correct[~shared].mean()) if not shared.all() else None,
        pairs=pairs[:EXAMPLES],
    )
