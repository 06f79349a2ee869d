"""The columns that labelled data is read from."""

from __future__ import annotations

from typing import Final, NamedTuple

TEXT_OPTION: Final = "text_column"
LABEL_OPTION: Final = "label_column"
WEIGHT_OPTION: Final = "weight_column"


class Columns(NamedTuple):
    """The names of the text, the label and, if there is one, the weight column.

    `separator` is what joins the labels of a text in the label column, if anything.
    """

    text: str
    label: str
    weight: str | None = None
    separator: str | None = None

    @property
    def names(self) -> list[str]:
        """Those there are."""
        return [self.text, self.label, *([] if self.weight is None else [self.weight])]

    def of(self, split: str) -> Columns:
        """Those that a split is read with: only texts to train on have weights."""
        return self if split == "train" else self._replace(weight=None)
