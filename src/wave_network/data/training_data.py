"""All that a model is trained on, as one object."""

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
    """All that a model is trained on.

    Attributes:
        rows: Columns `text` and `label`, and possibly `weight`; where the labels are lists, a text
            may have any number of them.
        validation: `text` and `label`; None holds some of the rows out.
        unlabeled: More texts to learn from, column `text`; a teacher labels them.
        classes: The classes, in the order of the logits: also those that no text has. None: those
            of the labels, sorted.
        soft_labels: Targets in place of the column `label`. Rows that are held out count as of
            their most probable class.
    """

    rows: Dataset
    validation: Dataset | None = None
    unlabeled: Dataset | None = None
    classes: Sequence[Label] | None = None
    soft_labels: SoftLabels | None = None

    def labelling(self) -> Labelling:
        """The labelling of a model trained from scratch on this data.

        Raises:
            DataError: If there are too few classes.
        """
        kind, classes = labelling_type(self.rows), self.given_classes
        return kind.learn(self.rows["label"]) if classes is None else kind(tuple(classes))

    @property
    def given_classes(self) -> Sequence[Label] | None:
        """The classes that the data names itself, if it does."""
        return self.classes if self.soft_labels is None else self.soft_labels.classes

    def targets(self, labelling: Labelling) -> Targets:
        """The targets of the rows."""
        if self.soft_labels is not None:
            return labelling.encode_soft(self.soft_labels)
        return labelling.encode(self.rows["label"])


def training_data_from_memory(
    texts: Iterable[str],
    y: Any,  # noqa: ANN401
    weights: ArrayLike | None = None,
    classes: Iterable[Label] | None = None,
    unlabeled: Iterable[str] | None = None,
) -> TrainingData:
    """Training data from texts and labels in any of the forms that `WaveClassifier.fit` takes.

    Args:
        texts: Strings.
        y: A label for each, or all labels of each; or a table with a column for each class, of the
            integers 0 and 1 or of probabilities (soft labels).
        weights: How much each text counts; None: all alike. Texts of weight 0 are left out.
        classes: What the columns of a table stand for.
        unlabeled: More texts, without labels.

    Raises:
        DataError: If they cannot be learnt from.
    """
    table = label_table(y)
    if table is None and classes is not None:
        raise DataError("classes is for a y with columns, and this y has none: leave it out")
    more = None if unlabeled is None else texts_from_memory(unlabeled)
    if table is None:
        return TrainingData(from_memory(texts, y, weights), unlabeled=more)
    if not np.issubdtype(table.dtype, np.floating):
        lists, names = label_lists_of(table, classes)
        return TrainingData(from_memory(texts, lists, weights), unlabeled=more, classes=names)
    soft = check_soft_labels(table, classes)
    rows = from_memory(texts, most_probable(soft.probabilities), weights)
    if weights is not None:
        soft = soft.select(np.flatnonzero(weights))
    return TrainingData(rows, unlabeled=more, soft_labels=soft)


def label_table(y: Any) -> NDArray[Any] | None:  # noqa: ANN401
    """What `y` holds as an array of numbers with a column a class; None of anything else."""
    if getattr(y, "ndim", 1) != 2:
        return None
    table = np.asarray(y.toarray() if hasattr(y, "toarray") else y)
    if table.dtype.kind not in "biuf":
        return None
    if table.shape[1] == 1:
        raise DataError("y has a single column: give a one-dimensional array of labels, y.ravel()")
    return table
