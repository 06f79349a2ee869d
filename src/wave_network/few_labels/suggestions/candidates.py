"""Draw a bounded sample from an archive of any size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import numpy as np

from wave_network.data.values import check_one_column
from wave_network.errors import DataError

MOST_TEXTS: Final = 20_000
"""Number of texts that suggestions are chosen from; of more, a random sample of so many."""
MOST_CHARACTERS: Final = 100_000
"""Longer texts are never suggested."""


class Candidates(NamedTuple):
    """A sample of an archive: distinct texts that may be suggested.

    Attributes:
        texts: The texts.
        places: The index of each in the archive.
        read: How many texts the archive has.
        labelled: How many of them are labelled already.
        left_out: How many are empty, longer than 100,000 characters, or equal to an earlier one.
    """

    texts: list[str]
    places: list[int]
    read: int
    labelled: int
    left_out: int

    def __str__(self) -> str:
        """Say what is considered."""
        said = f"considering {len(self.texts):,} of {self.read:,} texts"
        others = {
            "labelled already": self.labelled,
            f"empty, repeated or longer than {MOST_CHARACTERS:,} characters": self.left_out,
            "not in the random sample": self.read - self.labelled - self.left_out - len(self.texts),
        }
        listed = ", ".join(f"{number:,} {why}" for why, number in others.items() if number)
        return f"{said}; the others: {listed}" if listed else said


def draw(texts: Iterable[str], labeled: Iterable[str], seed: int) -> Candidates:
    """Read an archive once, and draw a sample of at most 20,000 texts from it.

    Every distinct text is as likely to be drawn (Vitter, 1985). Texts are equal if they differ in
    case and spaces alone.

    Args:
        texts: The archive.
        labeled: Texts that are labelled already.
        seed: Seed of the sample.

    Raises:
        DataError: If a text is not a string, or no text is left.
    """
    random = np.random.default_rng(seed)
    known = {_form(text) for text in _checked(labeled, "labelled texts")}
    seen: set[int] = set()
    kept: list[tuple[int, str]] = []
    read = labelled = 0
    for place, text in enumerate(_checked(texts, "texts")):
        read += 1
        form = _form(text)
        if form in known:
            labelled += 1
            continue
        if not text.strip() or len(text) > MOST_CHARACTERS or form in seen:
            continue
        seen.add(form)
        if len(kept) < MOST_TEXTS:
            kept.append((place, text))
        elif (chosen := int(random.integers(len(seen)))) < MOST_TEXTS:
            kept[chosen] = (place, text)
    if not kept:
        raise DataError("no text is left to suggest: all are empty, too long or labelled already")
    kept.sort()
    places, drawn = zip(*kept, strict=True)
    return Candidates(list(drawn), list(places), read, labelled, read - labelled - len(seen))


def _form(text: str) -> int:
    """Return the same number for texts that are equal; it takes less memory than the text."""
    return hash(" ".join(text[:MOST_CHARACTERS].casefold().split()))


def _checked(texts: Iterable[str], name: str) -> Iterator[str]:
    if isinstance(texts, str | bytes):
        raise DataError(f"the {name} are a single string: give a list of texts")
    check_one_column(texts, name)
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(f"text {index} of the {name} is {type(text).__name__}, not a string")
        yield text
