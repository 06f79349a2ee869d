"""Sample weights: each text's own weight times that of its class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from wave_network.config import ClassWeight, Label
from wave_network.data.plain_labels import label_finder
from wave_network.errors import ConfigError, listed, option_name
from wave_network.scale.arrays import ArrayWriter, blocks

Weights = NDArray[np.float64]


def class_factors(
    class_weight: ClassWeight | None,
    classes: Sequence[Label],
    labels: NDArray[np.int64],
    own: Weights | None,
) -> Weights | None:
    """Return the weight of each class, (classes,); None without class weights.

    Args:
        class_weight: `balanced` gives all classes the same total weight. A mapping gives the weight
            of each label, 1 where none is given; labels are compared by `label_key`.
        classes: The classes, in the order of their indices.
        labels: Class index of each training text, (texts,); of soft labels, the most probable.
        own: The texts' own weights, (texts,), or None.

    Raises:
        ConfigError: If the mapping has a label that is not in the training data.
    """
    if not class_weight:
        return None
    if class_weight == "balanced":
        counts = np.bincount(labels, own, minlength=len(classes))
        known = counts > 0  # a continued model may have classes that these texts lack
        factors = np.ones(len(classes))
        factors[known] = counts.sum() / (known.sum() * counts[known])
        return factors
    assert not isinstance(class_weight, str)
    index_of = label_finder(classes)
    if unknown := [label for label in class_weight if index_of(label) < 0]:
        raise ConfigError(
            f"{option_name('class_weight')} names {listed(unknown)}, which no training text has: "
            f"the labels are {listed(classes)}"
        )
    factors = np.ones(len(classes))
    for label, weight in class_weight.items():
        factors[index_of(label)] = weight
    return factors


def sample_weights(
    labels: NDArray[np.int64], factors: Weights | None, own: Weights | None
) -> NDArray[np.float32] | None:
    """Return the sample weights, with a mean of 1, (texts,); None if all texts count alike.

    Args:
        labels: Class indices, (texts,).
        factors: The result of `class_factors`.
        own: The texts' own weights, (texts,), or None.
    """
    if factors is None and own is None:
        return None
    writer, result = ArrayWriter(np.float64), ArrayWriter(np.float32)
    for block in blocks(len(labels)):
        some = np.ones(len(labels[block])) if own is None else own[block]
        writer.append(some if factors is None else some * factors[labels[block]])
    weights = writer.finish()
    mean = weights.mean()
    for block in blocks(len(weights)):
        result.append(weights[block] / mean)
    return result.finish()


def with_unlabeled(weights: NDArray[np.float32] | None, texts: int) -> NDArray[np.float32] | None:
    """Append a weight of 1 for each unlabelled text, up to `texts` in all."""
    if weights is None:
        return None
    return np.append(weights, np.ones(texts - len(weights), np.float32))
