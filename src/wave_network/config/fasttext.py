"""The configuration of a model that fastText trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from wave_network.config.base import ClassifierConfig
from wave_network.config.checks import LARGEST, check_choice, check_range, check_tables, check_whole
from wave_network.errors import ConfigError

FastTextLoss: TypeAlias = Literal["softmax", "hs", "ns", "ova"]


@dataclass(frozen=True, kw_only=True)
class FastTextConfig(ClassifierConfig):
    """The configuration of a `NumpyFastTextNetwork`.

    Attributes:
        dimensions: Columns of the table.
        loss: What it was trained with, and so how it answers: `softmax`, `hs` (hierarchical
            softmax), `ns` (negative sampling) or `ova` (one-vs-all, which is multi-label).
        input_block: Columns that one code of the table stands for, if it is product-quantised; 0:
            it is not.
        input_norms: Whether the norms of its rows are quantised by themselves.
        output_block: As `input_block`, for the matrix of the labels.
        output_norms: As `input_norms`, for the matrix of the labels.

    The other fields are those of `ClassifierConfig`. `vocab_size` is the number of rows of the
    table; `cls_token_id`, `max_length`, `operation` and `initializer_range` have no meaning.
    """

    cls_token_id: int = 0
    max_length: int = LARGEST
    dimensions: int
    loss: FastTextLoss = "softmax"
    input_block: int = 0
    input_norms: bool = False
    output_block: int = 0
    output_norms: bool = False

    architecture = "fasttext"
    gives_probabilities = True
    reads_whole_texts = True
    has_waves = False
    fewest_labels = 1

    def __post_init__(self) -> None:
        """As `ClassifierConfig`'s."""
        super().__post_init__()
        check_whole(self, "dimensions", "input_block", "output_block")
        check_range("dimensions", self.dimensions, 1, None)
        check_choice("loss", self.loss, get_args(FastTextLoss))
        for name in ("input", "output"):
            check_range(f"{name}_block", getattr(self, f"{name}_block"), 0, None)
            if not isinstance(getattr(self, f"{name}_norms"), bool):
                raise ConfigError(f"{name}_norms must be true or false")
        if self.is_multi_label != (self.loss == "ova"):
            raise ConfigError(f"a model with the loss {self.loss} is no {self.problem_type}")
        if not self.input_block:
            check_tables(input=(self.vocab_size, self.dimensions))
        check_tables(output=(self.num_labels, self.dimensions), centroids=(256, self.dimensions))

    @property
    def labels_are_independent(self) -> bool:
        """As `ClassifierConfig.labels_are_independent`."""
        return self.loss in ("ns", "ova")
