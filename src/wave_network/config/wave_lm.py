"""The configuration of the Wave LM, the language model, and of its pretraining."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, NamedTuple, TypeAlias, get_args

from wave_network.config.checks import (
    check_choice,
    check_finite,
    check_known_fields,
    check_range,
    check_tables,
    check_whole,
)
from wave_network.config.options import Operation
from wave_network.errors import ConfigError, in_a_file

if TYPE_CHECKING:
    from typing_extensions import Self

Context: TypeAlias = Literal["memory", "norm"]
Objective: TypeAlias = Literal["causal", "masked"]

PEAK_LEARNING_RATE: Final = 6e-3

_MOST_IDS: Final = 2**16  # ids are stored in 16 bits
_MOST_LAYERS: Final = 1_000


@dataclass(frozen=True, kw_only=True)
class WaveLMConfig:
    """The configuration of a Wave LM.

    Attributes:
        vocab_size: Rows of the token embedding, which is the output matrix, too: the pieces of the
            tokenizer, the start of a document, and of a masked model what hides a token.
        hidden_size: Dimensions of a token.
        num_layers: Number of wave layers, each with a feed-forward layer (paper 1, Eq. 8).
        feed_forward_size: Dimensions within the feed-forward layers.
        operation: How the two waves are combined, as in `ClassifierConfig`.
        context: The imaginary part of the second wave: `memory`, the mean of the past values
            weighted by the phase of the first wave, which has a sign; or `norm`, as in the papers.
        decay: Whether the past decays, by a learnt factor for each dimension. If not, the global
            semantics is the papers' sum over the whole prefix.
        local_tokens: How many tokens before it a token's variants take in, and in a masked model
            how many after it.
        objective: What it predicts: `causal`, each token from those before it; or `masked`, hidden
            tokens from those on both sides.
    """

    vocab_size: int
    hidden_size: int
    num_layers: int
    feed_forward_size: int
    operation: Operation = "modulation"
    context: Context = "memory"
    decay: bool = True
    local_tokens: int = 2
    objective: Objective = "causal"

    architecture: ClassVar[str] = "wave-lm"

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ConfigError: Naming the field, its value and what it may be.
        """
        sizes = ("vocab_size", "hidden_size", "num_layers", "feed_forward_size", "local_tokens")
        check_whole(self, *sizes)
        check_range("vocab_size", self.vocab_size, 257, _MOST_IDS)
        check_range("hidden_size", self.hidden_size, 1, None)
        check_range("num_layers", self.num_layers, 1, _MOST_LAYERS)
        check_range("feed_forward_size", self.feed_forward_size, 1, None)
        check_range("local_tokens", self.local_tokens, 0, 16)
        check_choice("operation", self.operation, get_args(Operation))
        check_choice("context", self.context, get_args(Context))
        check_choice("decay", self.decay, (False, True))
        check_choice("objective", self.objective, get_args(Objective))
        check_tables(
            embedding=(self.vocab_size, self.hidden_size),
            layers=(self.num_layers, self.hidden_size, max(4 * self.hidden_size, self._wide)),
        )

    @property
    def _wide(self) -> int:
        return 2 * self.feed_forward_size

    @property
    def masked(self) -> bool:
        """Whether it predicts hidden tokens."""
        return self.objective == "masked"

    @property
    def start_id(self) -> int:
        """The id of the start of a document."""
        return self.vocab_size - (2 if self.masked else 1)

    @property
    def mask_id(self) -> int:
        """The id that hides a token; of a masked model only."""
        return self.vocab_size - 1

    @property
    def state_size(self) -> int:
        """How many numbers generation keeps of a prefix, however long it is."""
        return self.num_layers * 2 * self.hidden_size * (1 + self.local_tokens)

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict`.

        Raises:
            ConfigError: On an unknown or missing field, or a value out of range.
        """
        check_known_fields(cls, values)
        try:
            with in_a_file():
                return cls(**values)
        except TypeError as error:
            raise ConfigError(f"the model's configuration is incomplete: {error}") from error


class Size(NamedTuple):
    """A size of language model.

    Attributes:
        pieces: Pieces of the tokenizer's vocabulary.
        hidden_size: As in `WaveLMConfig`.
        num_layers: Likewise.
        feed_forward_size: Likewise.
    """

    pieces: int
    hidden_size: int
    num_layers: int
    feed_forward_size: int

    def shape(self, pieces: int, objective: Objective = "causal") -> WaveLMConfig:
        """Return the configuration of a model of this size.

        Args:
            pieces: Pieces of its tokenizer's vocabulary, as many as were found.
            objective: As in `WaveLMConfig`.
        """
        return WaveLMConfig(
            vocab_size=pieces + (2 if objective == "masked" else 1),
            hidden_size=self.hidden_size,
            num_layers=self.num_layers,
            feed_forward_size=self.feed_forward_size,
            objective=objective,
        )


SIZES: Final[Mapping[str, Size]] = MappingProxyType(
    {
        "200k": Size(767, hidden_size=64, num_layers=3, feed_forward_size=256),
        "1m": Size(2047, hidden_size=128, num_layers=4, feed_forward_size=512),
        "5m": Size(4095, hidden_size=256, num_layers=5, feed_forward_size=1024),
    }
)
"""The sizes of language models, by name: about as many parameters. The first is for quick tries."""


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """How a language model is pretrained.

    Attributes:
        size: The size of the model, one of `SIZES`.
        objective: What it learns to predict, as in `WaveLMConfig`.
        epochs: Passes over the texts.
        steps: Training steps in all; None: as many as the epochs take.
        window: Tokens of a training sequence.
        batch_size: Sequences in a training step.
        learning_rate: Peak learning rate of AdamW; it rises over the first `warmup` of all steps,
            and falls to a tenth along a cosine.
        warmup: Share of the steps in which the learning rate rises from 0.
        weight_decay: Decoupled weight decay of AdamW, for matrices.
        max_grad_norm: Gradients are clipped to this joint L2 norm.
        seed: Seed of the first weights, of the order of the sequences, and of what is hidden.
    """

    size: str = "1m"
    objective: Objective = "causal"
    epochs: int = 4
    steps: int | None = None
    window: int = 256
    batch_size: int = 8
    learning_rate: float = PEAK_LEARNING_RATE
    warmup: float = 0.05
    weight_decay: float = 0.05
    max_grad_norm: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ConfigError: Naming the field, its value and what it may be.
        """
        check_choice("size", self.size, tuple(SIZES))
        check_choice("objective", self.objective, get_args(Objective))
        check_whole(self, "epochs", "window", "batch_size", "seed")
        check_finite(self, "learning_rate", "warmup", "weight_decay", "max_grad_norm")
        if self.steps is not None:
            check_whole(self, "steps")
            check_range("steps", self.steps, 1, None)
        check_range("epochs", self.epochs, 1, None)
        check_range("window", self.window, 1, 2**20)
        check_range("batch_size", self.batch_size, 1, 2**20)
        check_range("learning_rate", self.learning_rate, 1e-9, 1.0)
        check_range("warmup", self.warmup, 0.0, 1.0)
        check_range("weight_decay", self.weight_decay, 0.0, 1.0)
        check_range("max_grad_norm", self.max_grad_norm, 1e-9, 1e9)
        check_range("seed", self.seed, 0, None)

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self)
