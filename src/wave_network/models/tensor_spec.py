"""How a family declares its tensors: one `TensorSpec` each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Tensors: TypeAlias = dict[str, NDArray[np.float32]]
"""A model's weights, by the names that its family declares."""

Role: TypeAlias = Literal[
    "token table", "n-gram table", "positions", "layer", "norm", "head", "linear part"
]


@dataclass(frozen=True)
class TensorSpec:
    """One stored tensor.

    Attributes:
        name: Its name in the state dict and in the file.
        shape: Its shape.
        role: What the network uses it for. `linear part` is fitted by a solver, not by gradients.
        scales: Set for embedding tables, which can be stored in 8 or 4 bits: with 8 bits, each
            `row` has a scale or the whole `table` shares one. None: always float32.
        new_token: How the row of a new token follows from those of its pieces; None: the tensor
            has no row a token, or its family cannot be continued.
        label_axis: The axis with an entry a label, counted from the last (-1); None: no such axis.
    """

    name: str
    shape: tuple[int, ...]
    role: Role
    scales: Literal["row", "table"] | None = None
    new_token: Literal["mean", "sum"] | None = None
    label_axis: int | None = None

    @property
    def module(self) -> str:
        """The name of the torch module that holds it."""
        return self.name.rpartition(".")[0]

    @property
    def is_table(self) -> bool:
        """Whether it is an embedding table: counted as such, and stored in few bits on request."""
        return self.scales is not None

    @property
    def is_updated_by_row(self) -> bool:
        """Whether a training step changes only the rows that its texts use."""
        return self.role in ("token table", "n-gram table")

    @property
    def shrinks(self) -> bool:
        """Whether continued training starts from a fraction of it."""
        return self.role not in ("norm", "linear part")
