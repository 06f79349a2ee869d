"""Which texts are classified correctly, with labels in any form that `WaveClassifier.fit` takes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wave_network.data.labels import Labelling
from wave_network.data.training_data import label_table, labels_from_memory
from wave_network.errors import DataError


def correct_answers(
    labelling: Labelling,
    probabilities: NDArray[np.float32],
    y: Any,  # noqa: ANN401
) -> NDArray[np.bool_]:
    """Return whether all labels of each text are predicted, and no others, (texts,).

    Args:
        labelling: The model's labelling.
        probabilities: (texts, classes).
        y: The true labels: a label or labels per text, or the integers 0 and 1, (texts, classes).
            Labels that the model does not know count as wrong.

    Raises:
        DataError: If a label is missing, or of no kind that training takes, or if the columns are
            not those of the classes.
    """
    table = label_table(y)
    if table is not None:
        if table.dtype.kind == "f" or table.shape != probabilities.shape:
            raise DataError(
                f"labels in columns must be the integers 0 and 1 in shape {probabilities.shape}, "
                f"(texts, classes), not {table.dtype} in shape {table.shape}"
            )
        correct: NDArray[np.bool_] = (labelling.decide(probabilities) == (table > 0)).all(axis=1)
        return correct
    labels = labels_from_memory(y, labelling)
    targets = labelling.with_unseen(labels).encode(labels)
    if labelling.multi_label:
        truth = targets[:, : len(labelling.classes)] > 0
        all_right = (labelling.decide(probabilities) == truth).all(axis=1)
        correct = all_right & labelling.knows(labels)
    else:
        correct = probabilities.argmax(axis=1) == targets
    return correct
