"""The weight of the waves beside the linear part, which learns few texts better than they do."""

from __future__ import annotations

from typing import Final

import torch

from wave_network.models.torch_network import ClassifierNetwork

_MANY_TEXTS: Final = 2_000  # from here on the waves have their full weight


def waves_weight(texts: int) -> float:
    """Return the weight of the waves beside a linear part, which learns few texts better.

    Args:
        texts: Number of texts that the model was trained on; below 2,000 the weight is below 1.
    """
    return min(1.0, texts / _MANY_TEXTS)


@torch.no_grad()
def scale_waves(model: ClassifierNetwork, factor: float) -> None:
    """Multiply the logits of the waves of a model with a linear part, in place."""
    if factor == 1:
        return
    for head in ("classifier", "shortcut"):
        for parameter in model.get_submodule(head).parameters():
            parameter.mul_(factor)
