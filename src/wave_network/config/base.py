"""The configuration that all model families share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, get_args

from wave_network.config.checks import (
    check_choice,
    check_finite,
    check_known_fields,
    check_labels,
    check_range,
    check_whole,
    shortened,
)
from wave_network.config.options import Label, Operation, check_options
from wave_network.errors import ConfigError, in_a_file

if TYPE_CHECKING:
    from typing_extensions import Self

ProblemType: TypeAlias = Literal["single_label_classification", "multi_label_classification"]


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig:
    """The configuration that all model families share.

    Attributes:
        labels: The classes, in the order of the logits: strings, integers, booleans or whole
            floats, as in the data.
        vocab_size: Rows of the token embedding.
        cls_token_id: The id of `[CLS]`, the first token of every text.
        max_length: Tokens read from each text; the rest is ignored. `[CLS]` counts as one.
        operation: How the two waves are combined: `modulation` (multiplied) or `interference`
            (added); paper 1, section 3.2.
        initializer_range: Standard deviation of the embedding's random initialisation.
        problem_type: Single-label or multi-label. The softmax of the logits gives probabilities in
            the first case, the sigmoid of each logit in the second.
        thresholds: Multi-label: the probability from which on each label is predicted; None: 0.5
            for all. Single-label: None.
    """

    labels: tuple[Label, ...]
    vocab_size: int
    cls_token_id: int
    max_length: int = 512
    operation: Operation = "modulation"
    initializer_range: float = 0.1
    problem_type: ProblemType = "single_label_classification"
    thresholds: tuple[float, ...] | None = None

    architecture: ClassVar[str]
    can_be_continued: ClassVar[bool] = False
    """Whether a trained model can learn more classes and tokens."""
    gives_probabilities: ClassVar[bool] = False
    """Whether the network's answers are probabilities, not logits."""
    reads_whole_texts: ClassVar[bool] = False
    """Whether a text is read whole, whatever `max_length` says."""
    has_waves: ClassVar[bool] = True
    """Whether the tokens of a text are waves."""
    fewest_labels: ClassVar[int] = 2
    """The least number of labels of a single-label model."""

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ConfigError: Naming the field, its value and what it may be.
        """
        check_options(self, "operation", "max_length")
        check_whole(self, "vocab_size", "cls_token_id")
        check_finite(self, "initializer_range")
        check_range("vocab_size", self.vocab_size, 1, None)
        check_range("cls_token_id", self.cls_token_id, 0, self.vocab_size - 1)
        check_range("initializer_range", self.initializer_range, 0.0, None)
        if 0 < self.initializer_range < 1e-6:  # its inverse square would overflow
            raise ConfigError(
                f"initializer_range must be 0, or at least 1e-6; got {self.initializer_range}"
            )
        check_choice("problem_type", self.problem_type, get_args(ProblemType))
        least = 1 if self.is_multi_label else self.fewest_labels
        if len(self.labels) < least:
            said = "one label" if least == 1 else "two labels"
            raise ConfigError(f"a classifier needs at least {said}, not {list(self.labels)}")
        check_labels(self.labels)
        if self.thresholds is not None:
            self._check_thresholds(self.thresholds)

    def _check_thresholds(self, thresholds: tuple[float, ...]) -> None:
        if not self.is_multi_label:
            raise ConfigError(f"thresholds are for multi-label models; this is {self.problem_type}")
        if len(thresholds) != self.num_labels:
            raise ConfigError(f"{len(thresholds)} thresholds do not fit {self.num_labels} labels")
        if not all(isinstance(value, Real) and 0 <= value <= 1 for value in thresholds):
            raise ConfigError(f"thresholds must be between 0 and 1; got {shortened(thresholds)}")

    @property
    def num_labels(self) -> int:
        """Number of classes."""
        return len(self.labels)

    @property
    def is_multi_label(self) -> bool:
        """Whether a text may have any number of labels."""
        return self.problem_type == "multi_label_classification"

    @property
    def labels_are_independent(self) -> bool:
        """Whether a label's probability is the sigmoid of its logit, not a softmax of all."""
        return self.is_multi_label

    @property
    def reads_sentences(self) -> bool:
        """Whether the model needs the boundaries of sentences."""
        return False

    @property
    def has_linear_part(self) -> bool:
        """Whether a linear part over tokens and n-grams answers beside the network."""
        return False

    def with_sparse_linear_part(self) -> Self:
        """This shape with a sparse linear part, if it has many labels and no dense one fits."""
        return self

    def extended(self, labels: tuple[Label, ...], vocab_size: int) -> Self:
        """The shape with more labels and tokens; thresholds are chosen anew.

        Args:
            labels: The labels, the old ones first.
            vocab_size: Tokens, the old ones first.
        """
        return replace(self, labels=labels, vocab_size=vocab_size, thresholds=None)

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON values."""
        thresholds = None if self.thresholds is None else list(self.thresholds)
        return {**asdict(self), "labels": list(self.labels), "thresholds": thresholds}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict`.

        Raises:
            ConfigError: On an unknown or missing field, or a value out of range.
        """
        check_known_fields(cls, values)
        tuples = {}
        for name in ("labels", "thresholds"):
            value = values.get(name)
            if isinstance(value, list | tuple):
                tuples[name] = tuple(value)
            elif name == "labels" or value is not None:
                raise ConfigError(f"the model's {name} must be a list; got {shortened(value)}")
        try:
            with in_a_file():
                return cls(**{**values, **tuples})
        except (TypeError, KeyError) as error:
            raise ConfigError(f"the model's configuration is incomplete: {error}") from error
