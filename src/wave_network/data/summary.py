"""What was read of labelled data: how much of which class, what was left out, and what is odd.

This is the one place that words it, for the command line and for Python's warnings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.data.class_summary import MOST_LABELS, ClassSummary
from wave_network.data.unlabelled_summary import UnlabelledSummary
from wave_network.errors import for_caller, listed

if TYPE_CHECKING:
    from wave_network.text.counts import TextCounts

_MUCH_LOST: Final = 0.05
_LABELS_SHOWN: Final = 5
_PARTS: Final = ("train", "validation", "test")
SUMMARY_KEYS: Final = (
    *("rows", "classes", "truncated", "validation_method"),
    *("unlabeled", "vectors", "threads", "data"),
)
"""The keys of `DataSummary.to_dict`, which `metrics.json` has, too."""


class VectorSummary(NamedTuple):
    """Word vectors that were tried.

    Attributes:
        name: What they are called.
        before: The share of right answers in a cross-validation without them; None: there was none.
        after: The same with them.
        used: Whether the model starts with them.
        words: How many words only they know.
    """

    name: str
    before: float | None = None
    after: float | None = None
    used: bool = True
    words: int = 0

    def __str__(self) -> str:
        """What became of them, and why."""
        measured = ""
        if self.before is not None and self.after is not None:
            measured = f"{self.before:.0%} -> {self.after:.0%} in cross-validation"
        if not self.used:
            return f"none: {self.name} ones do not help, {measured}"
        return ", ".join(
            filter(None, (self.name, measured, f"{counted(self.words, 'word')} added"))
        )


@dataclass(frozen=True)
class TextSummary:
    """What was read of the texts of one part of the data.

    Attributes:
        rows: Number of texts.
        source: Where they are from; None if it has no name.
        empty: How many are empty.
        cut: How many are longer than what is read of a text.
        tokens: Number of tokens, including those that are not read.
        lost: How many tokens are not read.
        longest: The number of tokens of the longest text.
        max_length: The maximum number of tokens that are read of a text.
        duplicates: How many are equal to an earlier one.
        compared: How many of them were compared for that, the first ones; None: all.
        in_training: How many are equal to a training text; None for the training texts.
    """

    rows: int
    source: str | None
    empty: int = 0
    cut: int = 0
    tokens: int = 0
    lost: int = 0
    longest: int = 0
    max_length: int = 0
    duplicates: int = 0
    compared: int | None = None
    in_training: int | None = None

    @classmethod
    def of(
        cls,
        counts: TextCounts,
        source: str | None = None,
        training: NDArray[np.int64] | None = None,
    ) -> TextSummary:
        """Summarise texts that were counted.

        Args:
            counts: The counts.
            source: Where the texts are from.
            training: The hashes of the training texts; None if these are the training texts, or
                the training texts are not known.
        """
        overlap = None
        if training is not None:
            hashes, ordered = counts.hashes(), np.sort(training)  # np.isin would import numpy.ma
            hashes = hashes[hashes != 0]
            first = np.searchsorted(ordered, hashes)
            overlap = int((first < np.searchsorted(ordered, hashes, "right")).sum())
        return cls(
            rows=counts.texts,
            source=source,
            empty=counts.empty,
            cut=counts.cut,
            tokens=counts.tokens,
            lost=counts.lost,
            longest=counts.longest,
            max_length=counts.max_length,
            duplicates=counts.duplicates(),
            compared=counts.hashed if counts.hashed < counts.texts else None,
            in_training=overlap,
        )

    def __str__(self) -> str:
        """The number of texts, and where they are from."""
        return f"{counted(self.rows, 'text')}{'' if self.source is None else f': {self.source}'}"

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as JSON values."""
        facts: dict[str, Any] = {
            "source": self.source,
            "empty": self.empty,
            "duplicates": self.duplicates,
        }
        return facts if self.in_training is None else {**facts, "in_training": self.in_training}

    def truncated(self) -> dict[str, float]:
        """Return how many texts are cut, and the share of tokens that are not read."""
        return {"texts": self.cut, "tokens": self.lost / max(self.tokens, 1)}

    def joined(self, others: TextSummary) -> TextSummary:
        """Return the summary of these texts and of others, of which those in training are equal."""
        return replace(
            self,
            rows=self.rows + others.rows,
            empty=self.empty + others.empty,
            cut=self.cut + others.cut,
            tokens=self.tokens + others.tokens,
            lost=self.lost + others.lost,
            longest=max(self.longest, others.longest),
            max_length=max(self.max_length, others.max_length),
            duplicates=self.duplicates + (others.in_training or 0),
        )

    def notes(self, name: str = "") -> Iterator[str]:
        """Yield a sentence for each thing that is notable.

        Args:
            name: What the texts are, such as `training`.
        """
        of_all = f" of {counted(self.rows, f'{name} text'.strip())}"
        if self.empty:
            become = "kept" if name else "classified like all others"
            yield f"{self.empty:,}{of_all} are empty; they are {become}"
        if self.cut:
            yield self._cut_note(of_all)
        if self.duplicates:
            first = "" if self.compared is None else f" (only the first {self.compared:,} compared)"
            yield f"{self.duplicates:,}{of_all} equal to an earlier one{first}"
        if self.in_training:
            yield f"{self.in_training:,}{of_all} also in the training data"

    def _cut_note(self, of_all: str) -> str:
        share = self.lost / max(self.tokens, 1)
        note = (
            f"{self.cut:,}{of_all} with more than the {self.max_length} tokens that are read:"
            f" {_percent(share)} of all tokens are not read"
        )
        if share <= _MUCH_LOST:
            return note
        option = for_caller(command_line="--max-length", python="max_length")
        return f"{note}; to read more, train with {option}, up to {self.longest}"


@dataclass(frozen=True)
class DataSummary:
    """What was read of the data of a training run.

    Attributes:
        parts: The texts of `train`, `validation` and `test`, as far as there are any.
        method: How the run validates; None: not at all.
        classes: Every class, in the order of the logits.
        left_out: Number of rows that were left out, by the reason.
        conflicting: Number of training and held-out texts that occur with different labels.
        unlabeled: The unlabelled texts; None if there are none.
        vectors: Word vectors that were tried; None: none.
        threads: Number of threads that train.
        unseen: Number of rows whose label training never saw, by part.
    """

    parts: Mapping[str, TextSummary]
    method: str | None
    classes: tuple[ClassSummary, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)
    conflicting: int = 0
    unlabeled: UnlabelledSummary | None = None
    vectors: VectorSummary | None = None
    threads: int = 1
    unseen: Mapping[str, int] = field(default_factory=dict)

    def to_dict(self, *, examples: bool) -> dict[str, Any]:
        """Return the summary as JSON values, with the keys of `train --json`.

        Args:
            examples: Give an example of each class, which is the text of a row.
        """
        train = self.parts["train"]
        read = [self.parts[name] for name in _PARTS[:2] if name in self.parts]
        tokens = sum(part.tokens for part in read)
        return {
            "rows": {name: self.parts[name].rows if name in self.parts else 0 for name in _PARTS},
            "classes": len(self.classes),
            "truncated": {
                "texts": sum(part.cut for part in read),
                "tokens": round(sum(part.lost for part in read) / max(tokens, 1), 6),
            },
            "validation_method": self.method,
            "unlabeled": None if self.unlabeled is None else self.unlabeled.to_dict(),
            "vectors": self.vectors.name if self.vectors and self.vectors.used else None,
            "threads": self.threads,
            "data": {
                "max_length": train.max_length,
                "left_out": dict(self.left_out),
                "unseen": dict(self.unseen),
                "conflicting": self.conflicting,
                **{name: part.to_dict() for name, part in self.parts.items()},
                "labels": [
                    {
                        "label": label,
                        "texts": texts,
                        **({"example": example} if examples else {}),
                    }
                    for label, texts, example in self.classes[:MOST_LABELS]
                ],
            },
        }

    def lines(self) -> Iterator[str]:
        """Yield what was read as lines for people: each part, the classes, what is notable."""
        for name in _PARTS[:2]:
            if name in self.parts:
                yield f"{name:<12}{self.parts[name]}"
        if self.method is None:
            yield f"{'validation':<12}none: too few texts to hold some out"
        if self.unlabeled is not None:
            yield f"{'unlabelled':<12}{self.unlabeled}"
        yield f"{'labels':<12}{self._classes()}"
        if self.vectors is not None:
            yield f"{'vectors':<12}{self.vectors}"
        for note in self.notes():
            yield f"{'note':<12}{note}"

    def test_lines(self) -> Iterator[str]:
        """Yield what was read of the test texts, which are read after training."""
        yield f"{'test':<12}{self.parts['test']}"
        for note in (*self._unseen_notes("test"), *self.parts["test"].notes("test")):
            yield f"{'note':<12}{note}"
        for note in () if self.unlabeled is None else self.unlabeled.test_notes():
            yield f"{'note':<12}{note}"

    def notes(self) -> Iterator[str]:
        """Yield a sentence for each thing that is notable."""
        for reason, rows in self.left_out.items():
            yield f"{counted(rows, 'row')} left out: {reason}"
        for name in self.unseen:
            yield from self._unseen_notes(name)
        train, validation = self.parts["train"], self.parts.get("validation")
        if validation is not None and self.method == "holdout":
            yield from train.joined(validation).notes("training")
        else:
            yield from train.notes("training")
            yield from () if validation is None else validation.notes("validation")
        if self.conflicting:
            yield f"{counted(self.conflicting, 'training text')} also there with another label"
        yield from () if self.unlabeled is None else self.unlabeled.notes()

    def _unseen_notes(self, name: str) -> Iterator[str]:
        if rows := self.unseen.get(name):
            yield unseen_note(rows, name)

    def warnings(self) -> Iterator[str]:
        """Yield what a caller in Python should know, who has not asked for the summary."""
        if self.method is None:
            yield "too few texts to hold some out: the model is neither validated nor calibrated"
        yield from self.notes()

    def _classes(self) -> str:
        shown = [
            f"{listed([label])} ({texts:,} texts{self._example(example)})"
            for label, texts, example in self.classes[:_LABELS_SHOWN]
        ]
        more = len(self.classes) - len(shown)
        return f"{len(self.classes):,}: {', '.join(shown)}{f' and {more:,} more' if more else ''}"

    @staticmethod
    def _example(example: str) -> str:
        return f", such as {listed([example])}" if example else ""


def unseen_note(texts: int, name: str = "") -> str:
    """Return the sentence for texts whose labels training never saw, which count as wrong."""
    said = f"{counted(texts, f'{name} text'.strip())} with labels that training never saw"
    return f"{said}: counted as wrong"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is 1."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else f"{share:.2%}"
