"""`TensorSpec`: how a family declares each of its tensors, and how they are drawn at first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Tensors: TypeAlias = dict[str, NDArray[Any]]
"""A model's tensors by name, of the types that their specs declare."""

Role: TypeAlias = Literal[
    "token table", "n-gram table", "positions", "layer", "norm", "head", "linear part"
]


class Initial(NamedTuple):
    """How the values of a tensor are drawn before training.

    Attributes:
        distribution: `normal` around 0, `uniform` between minus and plus the scale, or `constant`.
        scale: The standard deviation, the bound or the value.
    """

    distribution: Literal["normal", "uniform", "constant"]
    scale: float


ZERO: Final = Initial("constant", 0.0)
ONE: Final = Initial("constant", 1.0)


@dataclass(frozen=True)
class TensorSpec:
    """One stored tensor.

    Attributes:
        name: Its name in the state dict and in the file.
        shape: Its shape.
        role: What the network uses it for. `linear part` is fitted by a solver, not by gradients.
        scales: Set for embedding tables, which can be stored in 8 or 4 bits: with 8 bits, each
            `row` has a scale or the whole `table` shares one. None: always float32.
        new_token: How to initialise the row of a new token from the rows of its pieces. None: the
            tensor has no row per token, or its family does not support continued training.
        label_axis: The axis with one entry per label, counted from the last (-1); None: no such
            axis.
        dtype: `int32` for positions in other tensors, and `uint8` for codes of centroids, which are
            no parameters.
        initial: How its values are drawn before training. The family `wave` leaves that to the
            modules of torch.
    """

    name: str
    shape: tuple[int, ...]
    role: Role
    scales: Literal["row", "table"] | None = None
    new_token: Literal["mean", "sum"] | None = None
    label_axis: int | None = None
    dtype: Literal["float32", "int32", "uint8"] = "float32"
    initial: Initial = ZERO

    @property
    def module(self) -> str:
        """The name of the torch module that owns it."""
        return self.name.rpartition(".")[0]

    @property
    def is_table(self) -> bool:
        """Whether it is an embedding table, which can be stored in 8 or 4 bits."""
        return self.scales is not None

    @property
    def is_updated_by_row(self) -> bool:
        """Whether a training step updates only the rows that its texts use."""
        return self.role in ("token table", "n-gram table")

    @property
    def shrinks(self) -> bool:
        """Whether continued training scales it down at the start."""
        return self.role not in ("norm", "linear part")


def initial_tensors(specs: Sequence[TensorSpec], seed: int) -> Tensors:
    """Draw the tensors of a model before training; the same seed gives the same ones."""
    generator = np.random.default_rng(seed)
    return {spec.name: _drawn(spec, generator) for spec in specs}


def _drawn(spec: TensorSpec, generator: np.random.Generator) -> NDArray[Any]:
    distribution, scale = spec.initial
    if distribution == "constant":
        return np.full(spec.shape, scale, spec.dtype)
    if distribution == "normal":
        values = generator.standard_normal(spec.shape, np.float32)
    else:
        values = generator.random(spec.shape, np.float32)
        values *= np.float32(2)
        values -= np.float32(1)
    values *= np.float32(scale)
    return values
