"""Base class and helpers of the torch networks of all families."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from wave_network.config import ClassifierConfig
from wave_network.models.tensor_spec import TensorSpec


class ClassifierNetwork(nn.Module):
    """Base class of classifiers of packed texts.

    `forward` takes a `PackedBatch` and returns the logits, (texts, labels). In training mode, a
    network with several members returns each member's logits, (members, texts, labels);
    `joint_logits` averages them.

    Args:
        config: The model's configuration.
        specs: The specs of its tensors.
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
        """Return the tables in which a training step updates only the rows that its texts use."""
        return [self._table(spec.module) for spec in self._specs if spec.is_updated_by_row]

    def joint_logits(self, members: Tensor) -> Tensor:
        """Return the logits of the members' mean probabilities; (texts, labels)."""
        return mean_of_members(members, multi_label=self.config.is_multi_label)

    def _table(self, name: str) -> nn.Embedding:
        table = self.get_submodule(name)
        assert isinstance(table, nn.Embedding)
        return table


class FixedTable(nn.Module):
    """A table computed from a formula: neither trained nor stored.

    Args:
        make: Computes the table.
    """

    weight: Tensor

    def __init__(self, make: Callable[[], NDArray[np.float32]]) -> None:
        super().__init__()
        self._make = make
        self.register_buffer("weight", torch.from_numpy(make()), persistent=False)

    def reset(self) -> None:
        """Compute the table again, after a loader left it uninitialised (no file holds it)."""
        self.weight.copy_(torch.from_numpy(self._make()))


def mean_of_members(logits: Tensor, *, multi_label: bool) -> Tensor:
    """Return the logits whose probabilities are the mean of the members' probabilities.

    Args:
        logits: (members, texts, labels).
        multi_label: Whether each label has an independent probability.

    Returns:
        (texts, labels).
    """
    if len(logits) == 1:
        return logits[0]
    if multi_label:  # log(p / (1 - p)) of the mean p
        return F.logsigmoid(logits).logsumexp(dim=0) - F.logsigmoid(-logits).logsumexp(dim=0)
    return logits.log_softmax(dim=2).logsumexp(dim=0) - log(len(logits))
