"""The training losses: cross-entropy, or binary cross-entropy for multi-label data."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from wave_network.config import TrainConfig
from wave_network.data.batch import PackedBatch
from wave_network.data.labels import Labelling


class Objective(Protocol):
    """The loss and the predictions of a labelling, in torch."""

    def loss(self, members: Tensor, batch: PackedBatch) -> Tensor:
        """Return the mean loss of the members' logits, (members, texts, classes)."""

    def count_right(self, members: Tensor, batch: PackedBatch) -> int:
        """Count the texts that the members' mean predicts correctly, in all of their labels."""


def objective_for(labelling: Labelling, config: TrainConfig) -> Objective:
    """Return the objective of a labelling."""
    return BinaryObjective(config) if labelling.multi_label else SoftmaxObjective(config)


class SoftmaxObjective:
    """Cross-entropy, for single-label data."""

    def __init__(self, config: TrainConfig) -> None:
        self._config = config

    def loss(self, members: Tensor, batch: PackedBatch) -> Tensor:
        """See `mean_cross_entropy`."""
        assert batch.labels is not None
        smoothing, temperature = self._config.label_smoothing, self._config.loss_temperature
        return mean_cross_entropy(members, batch.labels, smoothing, temperature, batch.weights)

    def count_right(self, members: Tensor, batch: PackedBatch) -> int:
        """See `Objective`."""
        # The softmax keeps the order of one member's logits.
        scores = members[0] if len(members) == 1 else torch.softmax(members, dim=2).mean(dim=0)
        return int((scores.argmax(dim=1) == batch.hard_labels).sum())


class BinaryObjective:
    """Binary cross-entropy of each class, for multi-label data."""

    def __init__(self, config: TrainConfig) -> None:
        self._config = config

    def loss(self, members: Tensor, batch: PackedBatch) -> Tensor:
        """See `mean_binary_loss`."""
        assert batch.labels is not None
        return mean_binary_loss(members, batch.labels, self._config.label_smoothing, batch.weights)

    def count_right(self, members: Tensor, batch: PackedBatch) -> int:
        """See `Objective`."""
        assert batch.labels is not None
        given = members.sigmoid().mean(dim=0) >= 0.5
        return int((given == batch.labels.bool()).all(dim=1).sum())


def mean_cross_entropy(
    members: Tensor,
    labels: Tensor,
    smoothing: float = 0.0,
    temperature: float = 1.0,
    weights: Tensor | None = None,
) -> Tensor:
    """Return the members' mean cross-entropy.

    The loss is multiplied by the square of the temperature, so that the gradients keep their size
    (Hinton et al., 2015, section 2.1). Weights have a mean of 1 over all texts, not in each batch,
    so that a text counts alike in any batch.

    Args:
        members: Logits, (members, texts, labels).
        labels: Class indices, (texts,), or a probability of each class, (texts, labels).
        smoothing: Share of the targets spread evenly over the classes.
        temperature: Logits are divided by it.
        weights: Sample weights, (texts,); None: all count alike.
    """
    each = labels.expand(len(members), *labels.shape).flatten(0, 1)
    logits = members.flatten(0, 1) / temperature
    if weights is None:
        return F.cross_entropy(logits, each, label_smoothing=smoothing) * temperature**2
    losses = F.cross_entropy(logits, each, label_smoothing=smoothing, reduction="none")
    return (losses * weights.repeat(len(members))).mean() * temperature**2


def mean_binary_loss(
    members: Tensor, labels: Tensor, smoothing: float = 0.0, weights: Tensor | None = None
) -> Tensor:
    """Return the binary cross-entropies, summed over classes and averaged over texts and members.

    The sum over classes is the negative log-likelihood of all of a text's labels, as cross-entropy
    is of one label, so that the learning rate does not depend on the number of classes.

    Args:
        members: Logits, (members, texts, classes).
        labels: 1 where a text has a label, else 0, floating-point, (texts, classes).
        smoothing: Share of the targets spread evenly over having a label and not having it.
        weights: Sample weights, (texts,); None: all count alike.
    """
    targets = labels * (1 - smoothing) + smoothing / 2  # (texts, labels)
    losses = F.binary_cross_entropy_with_logits(
        members, targets.expand_as(members), reduction="none"
    ).sum(dim=2)  # (members, texts)
    return losses.mean() if weights is None else (losses * weights).mean()
