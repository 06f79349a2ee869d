"""The weight of the waves beside the linear part, which learns few texts better than they do."""

from __future__ import annotations

from typing import Final

from wave_network.models.tensor_spec import Tensors

_MANY_TEXTS: Final = 2_000  # from here on the waves have their full weight


def waves_weight(texts: int) -> float:
    """Return the weight of the waves beside a linear part, which learns few texts better.

    Args:
        texts: Number of texts that the model was trained on; below 2,000 the weight is below 1.
    """
    return min(1.0, texts / _MANY_TEXTS)


def scale_waves(tensors: Tensors, factor: float) -> None:
    """Multiply the logits of the waves of a model with a linear part, in place."""
    for head in ("classifier", "shortcut"):
        for part in ("weight", "bias"):
            tensors[f"{head}.{part}"] *= factor
