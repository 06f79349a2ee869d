"""The data of a training run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wave_network.config import Label
from wave_network.data.labels import Labelling
from wave_network.data.memory import from_memory, texts_from_memory
from wave_network.data.plain_labels import label_lists_of
from wave_network.data.read import labelling_type
from wave_network.data.soft_labels import SoftLabels, check_soft_labels
from wave_network.data.targets import Targets, most_probable
from wave_network.errors import DataError

if TYPE_CHECKING:
    from datasets import Dataset
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class TrainingData:
    """The data of a training run.

    Attributes:
        rows: Training rows: columns `text` and `label`, and possibly `weight`; in multi-label data,
            `label` holds lists.
        validation: Validation rows: columns `text` and `label`; None: hold out training rows.
        unlabeled: Unlabelled texts, column `text`, for a teacher to label.
        background: Texts that are out of scope, column `text`.
        classes: The classes in the order of the logits, including those without texts. None: the
            labels of the rows, sorted.
        soft_labels: Targets that replace the column `label`. In validation, the most probable class
            is the label.
    """

    rows: Dataset
    validation: Dataset | None = None
    unlabeled: Dataset | None = None
    background: Dataset | None = None
    classes: Sequence[Label] | None = None
    soft_labels: SoftLabels | None = None

    def labelling(self) -> Labelling:
        """Return the labelling of a model trained from scratch on this data.

        Raises:
            DataError: If there are too few classes.
        """
        kind, classes = labelling_type(self.rows), self.given_classes
        return kind.learn(self.rows["label"]) if classes is None else kind(tuple(classes))

    @property
    def given_classes(self) -> Sequence[Label] | None:
        """The classes given with the data; None if they are taken from the labels."""
        return self.classes if self.soft_labels is None else self.soft_labels.classes

    def targets(self, labelling: Labelling) -> Targets:
        """Return the targets of the training rows."""
        if self.soft_labels is not None:
            return labelling.encode_soft(self.soft_labels)
        return labelling.encode(self.rows["label"])


def training_data_from_memory(
    texts: Iterable[str],
    y: Any,  # noqa: ANN401
    weights: ArrayLike | None = None,
    classes: Iterable[Label] | None = None,
    unlabeled: Iterable[str] | None = None,
    background: Iterable[str] | None = None,
) -> TrainingData:
    """Create training data from texts and labels in any form that `WaveClassifier.fit` takes.

    Args:
        texts: Strings.
        y: A label per text; or a list of labels per text; or an array with a column per class, of
            the integers 0 and 1 or of probabilities (soft labels).
        weights: Sample weights; None: all count alike. Texts of weight 0 are left out.
        classes: The labels of the array's columns.
        unlabeled: Unlabelled texts.
        background: Texts that are out of scope.

    Raises:
        DataError: If the texts or labels cannot be used.
    """
    table = label_table(y)
    if table is None and classes is not None:
        raise DataError("classes is for a y with columns, and this y has none: leave it out")
    more, others = (
        None if given is None else texts_from_memory(given) for given in (unlabeled, background)
    )
    if table is None:
        return TrainingData(from_memory(texts, y, weights), None, more, others)
    if not np.issubdtype(table.dtype, np.floating):
        lists, names = label_lists_of(table, classes)
        return TrainingData(from_memory(texts, lists, weights), None, more, others, names)
    soft = check_soft_labels(table, classes)
    rows = from_memory(texts, most_probable(soft.probabilities), weights)
    if weights is not None:
        soft = soft.select(np.flatnonzero(weights))
    return TrainingData(rows, None, more, others, soft_labels=soft)


def label_table(y: Any) -> NDArray[Any] | None:  # noqa: ANN401
    """Return `y` as an array if it has numbers in a column per class; else None."""
    if getattr(y, "ndim", 1) != 2:
        return None
    table = np.asarray(y.toarray() if hasattr(y, "toarray") else y)
    if table.dtype.kind not in "biuf":
        return None
    if table.shape[1] == 1:
        raise DataError("y has a single column: give a one-dimensional array of labels, y.ravel()")
    return table
