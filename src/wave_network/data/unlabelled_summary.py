"""What was read of unlabelled texts, and whether they helped. The one place that words it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple


class Gain(NamedTuple):
    """Accuracies of held-out labels in cross-validation.

    Attributes:
        without: By labelled texts alone.
        with_unlabelled: By labelled and unlabelled texts.
    """

    without: float
    with_unlabelled: float

    def __str__(self) -> str:
        """Both, in percent."""
        return f"accuracy {self.without:.0%} -> {self.with_unlabelled:.0%}"


@dataclass(frozen=True)
class UnlabelledSummary:
    """Unlabelled texts of a training run.

    Attributes:
        texts: How many were given.
        taught: Whether a model that the user named labels them. All that follows is then empty.
        sampled: How many of them were looked at.
        used: How many the model learns from; 0 if they are left out.
        duplicates: How many are left out as they equal an earlier one.
        in_training: How many are left out as they equal a labelled text.
        gain: Whether they help; None: too few labelled texts to tell.
        in_validation: How many validation texts are also among those used.
        in_test: How many test texts are; None: not known.
        marked: How many of the texts were training rows with the label -1.
    """

    texts: int
    taught: bool = False
    sampled: int = 0
    used: int = 0
    duplicates: int = 0
    in_training: int = 0
    gain: Gain | None = None
    in_validation: int = 0
    in_test: int | None = None
    marked: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as JSON values."""
        if self.taught:
            return {"texts": self.texts}
        return {
            "texts": self.texts,
            "used": self.used,
            "duplicates": self.duplicates,
            "in_training": self.in_training,
            "in_validation": self.in_validation,
            **({} if self.in_test is None else {"in_test": self.in_test}),
            "accuracy": None
            if self.gain is None
            else {
                "without": round(self.gain.without, 6),
                "with": round(self.gain.with_unlabelled, 6),
            },
        }

    def __str__(self) -> str:
        """The number of texts, and what became of them."""
        count = f"{self.texts:,} text{'' if self.texts == 1 else 's'}"
        if self.taught:
            return count
        if self.gain is None:
            if self.used:
                return f"{count}: used, though too few labelled texts can tell whether they help"
            return f"{count}: left out, too few that are neither empty nor repeated"
        if self.used:
            return f"{count}: {self.gain} in cross-validation"
        return f"{count}: left out, they did not help in cross-validation ({self.gain})"

    def notes(self) -> Iterator[str]:
        """Yield a sentence for each thing that is notable."""
        if self.marked:
            yield (
                f"{self.marked:,} texts with the label -1 taken as unlabelled; if it is a class, "
                "give the labels as strings"
            )
        if self.taught:
            return
        if not self.used:
            yield f"unlabelled texts: {self}"
        if self.sampled < self.texts:
            yield (
                f"learning from a random sample of the {self.texts:,} unlabelled texts: "
                f"{self.sampled:,}"
            )
        for count, other in (
            (self.duplicates, "an earlier one"),
            (self.in_training, "a labelled one"),
        ):
            if count:
                yield f"{count:,} of {self.sampled:,} unlabelled texts equal to {other}: left out"
        if self.in_validation:
            yield f"{self.in_validation:,} validation texts also among the unlabelled ones"

    def test_notes(self) -> Iterator[str]:
        """Yield what is notable once the test texts are read."""
        if self.in_test:
            yield f"{self.in_test:,} test texts also among the unlabelled ones"
