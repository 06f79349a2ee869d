"""Sample weights: how much each text counts in training, its class's weight times its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from wave_network.config import ClassWeight, Label
from wave_network.errors import ConfigError, listed

Weights = NDArray[np.float64]


def class_factors(
    class_weight: ClassWeight | None,
    classes: Sequence[Label],
    labels: NDArray[np.int64],
    own: Weights | None,
) -> Weights | None:
    """What each class's texts are multiplied with, (classes,); None where there is no weight.

    Args:
        class_weight: `balanced` gives every class the same joint weight. A mapping names the
            classes that do not weigh 1; a label is the class that reads the same.
        classes: The classes, in the order of their indices.
        labels: Class index of each training text, (texts,): of soft labels, the most probable.
        own: The texts' own weights, (texts,), or None.

    Raises:
        ConfigError: If the mapping names no class of the training texts.
    """
    if not class_weight:
        return None
    if class_weight == "balanced":
        counts = np.bincount(labels, own, minlength=len(classes))
        known = counts > 0  # a model that is trained on has classes that these texts may lack
        factors = np.ones(len(classes))
        factors[known] = counts.sum() / (known.sum() * counts[known])
        return factors
    assert not isinstance(class_weight, str)
    places = {str(label): place for place, label in enumerate(classes)}
    if unknown := [label for label in class_weight if str(label) not in places]:
        raise ConfigError(
            f"class_weight names {listed(unknown)}, which no training text has: the labels are "
            f"{listed(classes)}"
        )
    factors = np.ones(len(classes))
    for label, weight in class_weight.items():
        factors[places[str(label)]] = weight
    return factors


def sample_weights(
    labels: NDArray[np.int64], factors: Weights | None, own: Weights | None
) -> NDArray[np.float32] | None:
    """Each text's weight, with a mean of 1, (texts,); None where all count alike.

    Args:
        labels: Class indices, (texts,).
        factors: As `class_factors` gives them.
        own: The texts' own weights, (texts,), or None.
    """
    if factors is None and own is None:
        return None
    weights = np.ones(len(labels)) if own is None else own
    if factors is not None:
        weights = weights * factors[labels]
    result: NDArray[np.float32] = (weights / weights.mean()).astype(np.float32)
    return result


def with_unlabeled(weights: NDArray[np.float32] | None, texts: int) -> NDArray[np.float32] | None:
    """The weights of the labelled texts, and 1 for each of those after them."""
    if weights is None:
        return None
    return np.append(weights, np.ones(texts - len(weights), np.float32))
