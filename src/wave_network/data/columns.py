"""The columns of labelled data."""

from __future__ import annotations

from typing import Final, NamedTuple

TEXT_OPTION: Final = "text_column"
LABEL_OPTION: Final = "label_column"
WEIGHT_OPTION: Final = "weight_column"


class Columns(NamedTuple):
    """The names of the text, label and weight columns.

    Attributes:
        text: The column of the texts.
        label: The column of the labels.
        weight: The column of the sample weights; None: there is none.
        separator: The separator between the labels of a text; None: there is none.
    """

    text: str
    label: str
    weight: str | None = None
    separator: str | None = None

    @property
    def names(self) -> list[str]:
        """The names of all columns."""
        return [self.text, self.label, *([] if self.weight is None else [self.weight])]

    def of(self, split: str) -> Columns:
        """Return the columns of a split: only training data has weights."""
        return self if split == "train" else self._replace(weight=None)
