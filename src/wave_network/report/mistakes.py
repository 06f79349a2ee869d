"""Find the errors of a model, and doubtful labels in the data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from wave_network.config import Label
from wave_network.errors import ConfigError
from wave_network.report.label_errors import (
    find_label_errors,
    find_multi_label_errors,
    furthest_first,
)
from wave_network.runtime import Engine

if TYPE_CHECKING:
    from wave_network.data import Table
    from wave_network.runtime.explanation import Explanation

EXAMPLES: Final = 20
"""Number of errors, of doubtful labels and of duplicates to show."""
CHARACTERS: Final = 1_500
"""Number of characters of a text to show."""
MOST_CLASSES: Final = 20
"""Maximum number of classes in a table of pairs of classes."""

_MOST_PAIRS: Final = 10

Floats = NDArray[np.floating]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Answer:
    """A text with its label and another class that is predicted or suggested.

    Attributes:
        text: The text, cut to `CHARACTERS`.
        row: Its row in the data, from 1.
        label: Its label.
        label_score: The probability of the label.
        other: The predicted or suggested class.
        other_score: The probability of that class.
        explanation: The explanation of that class; None without one.
    """

    text: str
    row: int
    label: Label
    label_score: float
    other: Label
    other_score: float
    explanation: Explanation | None = None


@dataclass(frozen=True)
class Mistakes:
    """The errors and doubtful labels of a single-label model.

    Attributes:
        errors: The most confident wrong predictions.
        not_explained: Why they have no explanations; empty if they have.
        label_errors: The most doubtful labels.
        label_error_count: Number of doubtful labels.
        label_error_pairs: The most frequent (label, suggested class, count).
        confusions: The most frequent (true class, predicted class, count).
    """

    errors: list[Answer]
    not_explained: str
    label_errors: list[Answer]
    label_error_count: int
    label_error_pairs: list[tuple[Label, Label, int]]
    confusions: list[tuple[Label, Label, int]]


@dataclass(frozen=True)
class Decision:
    """A label of a text on which the model and the data differ.

    Attributes:
        text: The text, cut to `CHARACTERS`.
        row: Its row in the data, from 1.
        labels: The text's labels.
        label: The label on which they differ.
        score: The probability of that label.
        added: Whether the label is predicted but not in the data; False: the reverse.
        explanation: The explanation of that label; None without one.
    """

    text: str
    row: int
    labels: tuple[Label, ...]
    label: Label
    score: float
    added: bool
    explanation: Explanation | None = None


Error = TypeVar("Error", Answer, Decision)


class Missed(NamedTuple):
    """The texts that miss one label.

    Attributes:
        texts: Number of these texts.
        together: For each label of the table, the number of these texts for which it is wrongly
            predicted; last, the number without a wrong label.
    """

    texts: int
    together: list[int]


@dataclass(frozen=True)
class MissedAndAdded:
    """Counts of texts that miss one label and get a wrong one.

    Attributes:
        labels: The labels with the most errors, in the model's order.
        rows: For each of them, the texts that miss it; last, the texts that miss no label.
        left_out: Number of labels that are not in the table.
    """

    labels: list[Label]
    rows: list[Missed]
    left_out: int


@dataclass(frozen=True)
class MultiLabelMistakes:
    """The errors and doubtful labels of a multi-label model.

    Attributes:
        errors: The wrong or missed labels whose probability is furthest from the data.
        not_explained: Why they have no explanations; empty if they have.
        label_errors: The most doubtful labels of the data.
        label_error_count: Number of doubtful labels.
        label_error_pairs: The labels most in doubt: (label, texts that lack it, that have it).
        missed_and_added: Which errors occur together.
    """

    errors: list[Decision]
    not_explained: str
    label_errors: list[Decision]
    label_error_count: int
    label_error_pairs: list[tuple[Label, int, int]]
    missed_and_added: MissedAndAdded


def find_mistakes(engine: Engine, rows: Table, probabilities: Floats, labels: Integers) -> Mistakes:
    """Find the errors and doubtful labels of a single-label model.

    Args:
        engine: The model.
        rows: The texts, column `text`.
        probabilities: (texts, classes).
        labels: Class indices, (texts,).
    """

    def answer(row: int, other: int) -> Answer:
        return Answer(
            text=shortened(rows[row]["text"]),
            row=row + 1,
            label=engine.labels[labels[row]],
            label_score=float(probabilities[row, labels[row]]),
            other=engine.labels[other],
            other_score=float(probabilities[row, other]),
        )

    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    order = wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:EXAMPLES]
    errors = [answer(row, predicted[row]) for row in order.tolist()]
    errors, not_explained = _explained(engine, rows, errors, [error.other for error in errors])
    doubts = find_label_errors(probabilities, labels)
    shown = zip(doubts.texts[:EXAMPLES].tolist(), doubts.suggested[:EXAMPLES], strict=True)
    return Mistakes(
        errors=errors,
        not_explained=not_explained,
        label_errors=[answer(row, other) for row, other in shown],
        label_error_count=len(doubts.texts),
        label_error_pairs=_pairs(engine.labels, labels[doubts.texts], doubts.suggested),
        confusions=_pairs(engine.labels, labels[wrong], predicted[wrong]),
    )


def find_multi_label_mistakes(
    engine: Engine, rows: Table, probabilities: Floats, truth: Booleans, given: Booleans
) -> MultiLabelMistakes:
    """Find the errors and doubtful labels of a multi-label model.

    Args:
        engine: The model.
        rows: The texts, column `text`.
        probabilities: The probability of each label, (texts, labels).
        truth: Whether a text has a label, (texts, labels).
        given: Whether the label is predicted, (texts, labels).
    """

    def decision(row: int, label: int) -> Decision:
        return Decision(
            text=shortened(rows[row]["text"]),
            row=row + 1,
            labels=tuple(engine.labels[place] for place in np.flatnonzero(truth[row])),
            label=engine.labels[label],
            score=float(probabilities[row, label]),
            added=not truth[row, label],
        )

    wrong = furthest_first(probabilities, truth, truth != given)
    errors = [decision(*place) for place in _first(wrong)]
    errors, not_explained = _explained(engine, rows, errors, [error.label for error in errors])
    doubts = find_multi_label_errors(probabilities, truth)
    return MultiLabelMistakes(
        errors=errors,
        not_explained=not_explained,
        label_errors=[decision(*place) for place in _first(doubts)],
        label_error_count=len(doubts.texts),
        label_error_pairs=_lacking_and_having(engine.labels, doubts.labels, truth[doubts]),
        missed_and_added=_missed_and_added(engine.labels, truth, given),
    )


def shortened(text: str) -> str:
    """Cut a long text, and mark the cut."""
    return text if len(text) <= CHARACTERS else text[:CHARACTERS] + " …"


def _explained(
    engine: Engine, rows: Table, errors: list[Error], labels: Sequence[Label]
) -> tuple[list[Error], str]:
    """Add explanations for these labels to the errors; if there are none, return the reason."""
    try:
        return [
            replace(error, explanation=_start(engine.explain(rows[error.row - 1]["text"], label)))
            for error, label in zip(errors, labels, strict=True)
        ], ""
    except ConfigError as error:
        return errors, str(error)


def _start(explanation: Explanation) -> Explanation:
    """Cut an explanation to the part of the text that is shown."""
    tokens = tuple(token for token in explanation.tokens if token.end <= CHARACTERS)
    return replace(explanation, text=shortened(explanation.text), tokens=tokens)


def _first(places: tuple[Integers, Integers]) -> Iterable[tuple[int, int]]:
    """Return the first ones, as many as are shown."""
    texts, labels = places
    return zip(texts[:EXAMPLES].tolist(), labels[:EXAMPLES].tolist(), strict=True)


def _pairs(
    classes: Sequence[Label], given: Integers, others: NDArray[np.integer]
) -> list[tuple[Label, Label, int]]:
    """Return the most frequent pairs of classes with their counts."""
    counts = Counter(zip(given.tolist(), others.tolist(), strict=True))
    return [
        (classes[label], classes[other], count)
        for (label, other), count in counts.most_common(_MOST_PAIRS)
    ]


def _lacking_and_having(
    classes: Sequence[Label], labels: Integers, having: Booleans
) -> list[tuple[Label, int, int]]:
    """Return the most frequent labels, with how many texts lack each and how many have it."""
    count = len(classes)
    lacking = np.bincount(labels[~having], minlength=count)
    superfluous = np.bincount(labels[having], minlength=count)
    order = np.argsort(-(lacking + superfluous), kind="stable")[:_MOST_PAIRS].tolist()
    return [
        (classes[place], int(lacking[place]), int(superfluous[place]))
        for place in order
        if lacking[place] or superfluous[place]
    ]


def _missed_and_added(classes: Sequence[Label], truth: Booleans, given: Booleans) -> MissedAndAdded:
    missed, added = truth & ~given, given & ~truth
    most = np.argsort(-(missed | added).sum(axis=0), kind="stable")[:MOST_CLASSES]
    places = np.sort(most)
    lacking, having = (
        np.column_stack([wrong[:, places], ~wrong.any(axis=1)]).astype(np.int64)
        for wrong in (missed, added)
    )  # (texts, labels + 1)
    together = (lacking.T @ having).tolist()
    texts = lacking.sum(axis=0).tolist()
    return MissedAndAdded(
        labels=[classes[place] for place in places],
        rows=[Missed(*row) for row in zip(texts, together, strict=True)],
        left_out=len(classes) - len(places),
    )
