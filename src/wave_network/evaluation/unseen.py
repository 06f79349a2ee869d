"""Rows with labels that training never saw, counted as wrong.

Each such label is a class of its own, which no prediction ever names: with a probability of 0. The
loss, which that would make infinite, is of the other rows or labels alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wave_network.data.labels import Labelling
from wave_network.data.targets import Targets
from wave_network.errors import DataError

Unseen: TypeAlias = Literal["error", "count"]
"""What becomes of rows whose label training never saw."""


class Encoded(NamedTuple):
    """Labels encoded with those that the model does not know.

    Attributes:
        labelling: The model's labelling, with the unknown labels as further classes.
        targets: The targets in these classes.
        known: Whether the model knows all labels of each text, (texts,).
    """

    labelling: Labelling
    targets: Targets
    known: NDArray[np.bool_]

    @property
    def unseen(self) -> int:
        """Number of texts with a label that the model does not know."""
        return int((~self.known).sum())


def encode_with_unseen(
    labelling: Labelling, values: Iterable[Any], unseen: Unseen, source: str | None = None
) -> Encoded:
    """Encode labels, of which the model may not know some.

    Args:
        labelling: The model's labelling.
        values: The label or labels of each text.
        unseen: Whether an unknown label is an error.
        source: Where the labels are from, for the message.

    Raises:
        DataError: If a label is unknown, and that is an error; or if no text has a known label.
    """
    values = values if isinstance(values, Sequence) else list(values)
    if unseen == "error":
        targets = labelling.encode(values, source)
        return Encoded(labelling, targets, np.ones(len(values), np.bool_))
    known = labelling.knows(values)
    if not known.any():
        labelling.encode(values, source)  # raises
        raise DataError("no text has labels that the model knows")
    grown = labelling.with_unseen(values)
    return Encoded(grown, grown.encode(values), known)


def measured_with_unseen(
    measure: Callable[[Labelling, NDArray[np.floating], Targets], dict[str, Any]],
    labelling: Labelling,
    probabilities: NDArray[np.floating],
    encoded: Encoded,
) -> dict[str, Any]:
    """Measure predictions, with unknown labels counted as wrong.

    Args:
        measure: Computes metrics from a labelling, probabilities and targets, such as `report_for`.
        labelling: The model's labelling.
        probabilities: The predictions, (texts, classes of the model).
        encoded: The labels.

    Returns:
        The metrics; with `unseen`, the number of texts with an unknown label, if there are any.
    """
    if not encoded.unseen:
        return measure(labelling, probabilities, encoded.targets)
    classes, more = len(labelling.classes), len(encoded.labelling.classes) - len(labelling.classes)
    padded = np.hstack([probabilities, np.zeros((len(probabilities), more), probabilities.dtype)])
    metrics = measure(encoded.labelling, padded, encoded.targets)
    if labelling.multi_label:
        metrics["loss"] = measure(labelling, probabilities, encoded.targets[:, :classes])["loss"]
    else:
        known = encoded.known
        metrics["loss"] = measure(labelling, probabilities[known], encoded.targets[known])["loss"]
    return {**metrics, "unseen": encoded.unseen}
