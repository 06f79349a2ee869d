"""What training makes small."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def mean_cross_entropy(
    members: Tensor,
    labels: Tensor,
    smoothing: float = 0.0,
    temperature: float = 1.0,
    weights: Tensor | None = None,
) -> Tensor:
    """The members' mean cross-entropy.

    The square of the temperature keeps the gradients' size whatever it is (Hinton et al., 2015,
    section 2.1). Weights have a mean of 1 over all texts, not in each batch: a text counts alike in
    any batch.

    Args:
        members: Logits, (members, texts, labels).
        labels: Class indices, (texts,), or a probability of each class, (texts, labels).
        smoothing: Share of the targets spread evenly over the classes.
        temperature: Logits are divided by it.
        weights: How much each text counts, (texts,); None: all alike.
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
    """The members' mean over the texts of all classes' binary cross-entropies together.

    Their sum, as it is the negative log-likelihood of the whole answer, like the cross-entropy of
    one label: the same learning rates serve, however many classes there are.

    Args:
        members: Logits, (members, texts, classes).
        labels: 1 where a text has a label, else 0, floating-point, (texts, classes).
        smoothing: Share of the targets spread evenly over having a label and not having it.
        weights: How much each text counts, (texts,); None: all alike.
    """
    targets = labels * (1 - smoothing) + smoothing / 2  # (texts, labels)
    losses = F.binary_cross_entropy_with_logits(
        members, targets.expand_as(members), reduction="none"
    ).sum(dim=2)  # (members, texts)
    return losses.mean() if weights is None else (losses * weights).mean()
