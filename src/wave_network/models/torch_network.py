"""What the torch networks of all families have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from wave_network.config import ClassifierConfig
from wave_network.models.tensor_spec import TensorSpec


class ClassifierNetwork(nn.Module):
    """A classifier of packed texts.

    `forward` takes a `PackedBatch` and gives the logits, (texts, labels). A network of several
    members gives, while training, each member's, (members, texts, labels): `joint_logits` makes
    one answer of them.

    Args:
        config: The model's shape.
        specs: Its declared tensors.
    """

    def __init__(self, config: ClassifierConfig, specs: Sequence[TensorSpec]) -> None:
        super().__init__()
        self.config = config
        self._specs = specs

    @property
    def input_embedding(self) -> nn.Embedding:
        """The token table."""
        (name,) = (spec.module for spec in self._specs if spec.role == "token table")
        return self._table(name)

    def row_tables(self) -> list[nn.Embedding]:
        """The tables of which a training step changes only the rows that its texts use."""
        return [self._table(spec.module) for spec in self._specs if spec.is_updated_by_row]

    def joint_logits(self, members: Tensor) -> Tensor:
        """The logits that give the members' mean probabilities; (texts, labels)."""
        return mean_of_members(members, multi_label=self.config.is_multi_label)

    def _table(self, name: str) -> nn.Embedding:
        table = self.get_submodule(name)
        assert isinstance(table, nn.Embedding)
        return table


@runtime_checkable
class StartsAtVectors(Protocol):
    """A network whose tokens can start at given vectors instead of random ones."""

    @property
    def start_size(self) -> int:
        """The most columns that `start_at` takes."""

    def start_at(self, vectors: Tensor) -> None:
        """Start the tokens at given vectors, (vocabulary, at most `start_size`)."""


class FixedTable(nn.Module):
    """A table that follows from a formula: neither trained nor stored.

    Args:
        make: Computes the table.
    """

    weight: Tensor

    def __init__(self, make: Callable[[], NDArray[np.float32]]) -> None:
        super().__init__()
        self._make = make
        self.register_buffer("weight", torch.from_numpy(make()), persistent=False)

    def reset(self) -> None:
        """Fill the table again, after a loader has emptied it because no file holds it."""
        self.weight.copy_(torch.from_numpy(self._make()))


def mean_of_members(logits: Tensor, *, multi_label: bool) -> Tensor:
    """The logits that give the members' mean probabilities; of one member, its logits.

    Args:
        logits: (members, texts, labels).
        multi_label: Each label has a probability by itself.

    Returns:
        (texts, labels).
    """
    if len(logits) == 1:
        return logits[0]
    if multi_label:  # log(p / (1 - p)) of the mean p
        return F.logsigmoid(logits).logsumexp(dim=0) - F.logsigmoid(-logits).logsumexp(dim=0)
    return logits.log_softmax(dim=2).logsumexp(dim=0) - log(len(logits))
