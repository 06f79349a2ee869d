"""The configuration of a `WaveNetwork`, the papers' model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from wave_network.config.base import ClassifierConfig
from wave_network.config.checks import (
    check_choice,
    check_finite,
    check_range,
    check_tables,
    check_whole,
)
from wave_network.errors import ConfigError

if TYPE_CHECKING:
    from typing_extensions import Self

Readout: TypeAlias = Literal["concat", "magnitude", "real", "imaginary"]

READOUT_PARTS: Final[Mapping[Readout, int]] = {
    "concat": 2,
    "magnitude": 1,
    "real": 1,
    "imaginary": 1,
}
"""How many real numbers each read-out makes of a complex one."""


Pooling: TypeAlias = Literal["cls", "mean"]


Positions: TypeAlias = Literal["learned", "sinusoidal", "none"]


Variants: TypeAlias = Literal["linear", "embedding"]


Level: TypeAlias = Literal["sentence", "input"]


_MOST_LAYERS: Final = 1_000

_MOST_POSITIONS: Final = 2**25
"""Numbers in a table of positions that is computed: no file's size is a limit to it."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig(ClassifierConfig):
    """The configuration of a `WaveNetwork`, the papers' model, and its variations.

    Attributes:
        hidden_size: Dimensions of a token (paper 1, section 4: 768).
        readout: The complex-to-real map g: `concat` ([Re, Im]), `magnitude`, `real` or `imaginary`.
        pooling: Input of the classifier: the `[CLS]` row, or the mean over the text's tokens.
        positions: The positional encoding, added to the embeddings before conversion to waves.
        variants: `linear` computes both variants from one embedding by linear layers, as the papers
            do. `embedding` stores them as two tables, into which the linear layers can be folded;
            it needs `num_layers == 1`.
        num_layers: Number of wave layers; with several, each adds to its input (paper 1, Eq. 8).
        levels: Range of the global semantics of the first and the second variant: the whole input,
            or the sentence (paper 1, Fig. 6a).
        dropout: Probability of zeroing an element of a layer's output in training.

    The other fields are those of `ClassifierConfig`.
    """

    hidden_size: int = 128
    readout: Readout = "concat"
    pooling: Pooling = "cls"
    positions: Positions = "none"
    variants: Variants = "embedding"
    num_layers: int = 1
    levels: tuple[Level, Level] = ("input", "input")
    dropout: float = 0.0

    architecture = "wave"

    def __post_init__(self) -> None:
        """As `ClassifierConfig`'s."""
        super().__post_init__()
        check_choice("readout", self.readout, tuple(READOUT_PARTS))
        check_choice("pooling", self.pooling, get_args(Pooling))
        check_choice("positions", self.positions, get_args(Positions))
        check_choice("variants", self.variants, get_args(Variants))
        check_choice("levels", self.levels, (("input", "input"), ("sentence", "input")))
        check_whole(self, "hidden_size", "num_layers")
        check_finite(self, "dropout")
        check_range("hidden_size", self.hidden_size, 1, None)
        check_range("num_layers", self.num_layers, 1, _MOST_LAYERS)
        check_range("dropout", self.dropout, 0.0, 0.99)
        if self.variants == "embedding" and self.num_layers > 1:
            raise ConfigError('variants="embedding" has no second layer: use variants="linear"')
        check_tables(
            embedding=(self.vocab_size, self.embedding_size),
            classifier=(self.num_labels, self.hidden_size),
            layers=(self.num_layers, 2 * self.hidden_size, self.hidden_size),
        )
        if self.positions != "none":
            check_tables(positions=(self.max_length, self.embedding_size))
        if self.positions == "sinusoidal":
            most = _MOST_POSITIONS // self.embedding_size
            check_range("max_length (with sinusoidal positions)", self.max_length, 2, most)

    @property
    def embedding_size(self) -> int:
        """Columns of the embedding table: both variants when they are stored, else one row."""
        return self.hidden_size * (2 if self.variants == "embedding" else 1)

    @property
    def readout_size(self) -> int:
        """Columns of the read-out, which the feed-forward layer reads."""
        return self.hidden_size * READOUT_PARTS[self.readout]

    @property
    def reads_sentences(self) -> bool:
        """Whether a level is the sentence."""
        return "sentence" in self.levels

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return {**super().to_dict(), "levels": list(self.levels)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """As `ClassifierConfig.from_dict`."""
        if isinstance(levels := values.get("levels"), list):
            values = {**values, "levels": tuple(levels)}
        return super().from_dict(values)
