"""The texts of `few_labels.py`: labelled ones drawn by a seed, an archive, and a test sample."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.config import Label
from wave_network.data import read_splits

TESTED: Final = 3_000
ARCHIVED: Final = 20_000
_SAMPLE_SEED: Final = 2026  # of the test sample and the archive, which all draws share


class Labelled(NamedTuple):
    """Texts with their labels."""

    texts: list[str]
    labels: list[Label]


class FewLabels:
    """A data set of which few texts are labelled.

    Args:
        data: As for `wave-network train`, with a test split.
        held_out: Test on training rows, which are then not drawn, instead of on the test split:
            for choosing settings.

    Attributes:
        classes: The labels, sorted.
        test: A random sample of 3,000 test rows, the same for all draws.

    Raises:
        SystemExit: If the data has no test split.
    """

    def __init__(self, data: str, *, held_out: bool = False) -> None:
        splits = read_splits(data)
        random = np.random.default_rng(_SAMPLE_SEED)
        order = random.permutation(len(splits.train))
        if held_out:
            tested, self._order, rows = order[:TESTED], order[TESTED:], splits.train
        elif splits.test is None:
            raise SystemExit(f"{data} has no test split")
        else:
            tested, self._order = random.permutation(len(splits.test))[:TESTED], order
            rows = splits.test
        self.test = _select(rows["text"][:], rows["label"][:], tested)
        self._texts: list[str] = splits.train["text"][:]
        self._labels: list[Label] = splits.train["label"][:]
        self.classes = sorted(set(self._labels), key=str)

    @property
    def drawable(self) -> list[str]:
        """All texts that may be drawn, in a random order."""
        return [self._texts[row] for row in self._order]

    @cached_property
    def archive(self) -> list[str]:
        """20,000 training texts, or all of fewer; the same for all draws."""
        return [self._texts[row] for row in self._order[:ARCHIVED]]

    def draw(self, per_class: int, seed: int) -> Labelled:
        """Draw as many training texts of each class; a smaller draw is part of a larger one.

        Raises:
            SystemExit: If a class has fewer.
        """
        random = np.random.default_rng(seed)
        labels = np.array(self._labels)[self._order]
        chosen = []
        for name in self.classes:
            members = random.permutation(self._order[labels == name])
            if len(members) < per_class:
                raise SystemExit(f"class {name!r} has {len(members)} texts, not {per_class}")
            chosen.append(members[:per_class])
        return _select(self._texts, self._labels, np.sort(np.concatenate(chosen)))

    def unlabelled(self, labelled: Labelled) -> NDArray[np.intp]:
        """The places in the archive of the texts that are not labelled."""
        known = set(labelled.texts)
        return np.flatnonzero([text not in known for text in self.archive])


def _select(texts: Sequence[str], labels: Sequence[Label], rows: NDArray[np.int64]) -> Labelled:
    return Labelled([texts[row] for row in rows], [labels[row] for row in rows])
