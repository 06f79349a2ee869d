"""The data of a training run."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from wave_network.config import Label
from wave_network.data.labels import Labelling
from wave_network.data.memory import from_memory, read_memory, texts_from_memory
from wave_network.data.plain_labels import columns_named, label_lists_of
from wave_network.data.read import labelling_type
from wave_network.data.soft_labels import SoftLabels, check_soft_labels
from wave_network.data.table import Table
from wave_network.data.targets import Targets, most_probable
from wave_network.data.unlabelled_rows import split_rows
from wave_network.data.weights import WEIGHTLESS
from wave_network.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class TrainingData:
    """The data of a training run.

    Attributes:
        rows: Training rows: columns `text` and `label`, and possibly `weight`; in multi-label data,
            `label` holds lists.
        validation: Validation rows: columns `text` and `label`; None: hold out training rows.
        unlabeled: Unlabelled texts to learn from, too, column `text`.
        background: Texts that are out of scope, column `text`.
        classes: The classes in the order of the logits, including those without texts. None: the
            labels of the rows, sorted.
        soft_labels: Targets that replace the column `label`. In validation, the most probable class
            is the label.
        sources: Where the parts are from, by part: `train`, `validation`, `test`.
        left_out: Number of rows that were left out, by the reason.
        held_out: Whether the validation rows were held out from the training rows.
        unseen: What becomes of validation rows whose label is not one of the classes: `error`, or
            `count` them as wrong.
        marked: Number of unlabelled texts that were among the rows, with the label -1.
    """

    rows: Table
    validation: Table | None = None
    unlabeled: Table | None = None
    background: Table | None = None
    classes: Sequence[Label] | None = None
    soft_labels: SoftLabels | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    held_out: bool = False
    unseen: Literal["error", "count"] = "error"
    marked: int = 0

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
        return labelling.encode(self.rows["label"], self.sources.get("train"))


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
        y: A label per text, None or -1 for unlabelled ones (see `split_rows`); or a list of labels
            per text; or an array or frame with a column per class, of the integers 0 and 1 or of
            probabilities (soft labels).
        weights: Sample weights; None: all count alike. Texts of weight 0 are left out.
        classes: The labels of the array's columns; None: a frame's names of them, or 0, 1, 2 and so
            on.
        unlabeled: Unlabelled texts.
        background: Texts that are out of scope.

    Raises:
        DataError: If the texts or labels cannot be used.
    """
    y = one_dimensional(y)
    marked = 0
    if label_table(y) is None:
        texts, y, weights, others, marked = split_rows(texts, y, weights)
        if others:
            unlabeled = others if unlabeled is None else [*unlabeled, *others]
    data = _data_of(texts, y, weights, classes)
    unweighted = 0 if weights is None else int((np.asarray(weights) == 0).sum())
    return replace(
        data,
        marked=marked,
        unlabeled=None if unlabeled is None else texts_from_memory(unlabeled),
        background=None if background is None else texts_from_memory(background),
        left_out={WEIGHTLESS: unweighted} if unweighted else {},
    )


def _data_of(
    texts: Iterable[str],
    y: Any,  # noqa: ANN401
    weights: ArrayLike | None,
    classes: Iterable[Label] | None,
) -> TrainingData:
    """Create training data of the right kind for the form of the labels."""
    table = label_table(y)
    if table is None:
        return _from_lists(texts, y, weights, classes)
    if classes is None and hasattr(y, "columns"):
        classes = list(y.columns)
    if not np.issubdtype(table.dtype, np.floating):
        lists, names = label_lists_of(table, classes)
        return TrainingData(from_memory(texts, lists, weights), classes=names)
    soft = check_soft_labels(table, classes)
    rows = from_memory(texts, most_probable(soft.probabilities), weights)
    if weights is not None:
        soft = soft.select(np.flatnonzero(weights))
    return TrainingData(rows, soft_labels=soft)


def _from_lists(
    texts: Iterable[str],
    y: Any,  # noqa: ANN401
    weights: ArrayLike | None,
    classes: Iterable[Label] | None,
) -> TrainingData:
    """Create training data from a label, or a list, for each text."""
    rows, found = read_memory(texts, y, weights)
    if classes is None:
        return TrainingData(rows, classes=found)
    if found is None:
        raise DataError("classes is for a y with columns, and this y has none: leave it out")
    names = columns_named(classes, len(found))
    named = rows["label"].mapped(lambda place: names[int(place)])
    return TrainingData(rows.with_labels(named), classes=names)


def labels_from_memory(y: Any, labelling: Labelling) -> list[Any]:  # noqa: ANN401
    """Return the label or labels of each text from any form but arrays of columns.

    Args:
        y: As for `training_data_from_memory`.
        labelling: Names the columns of lists with a 0 or 1 for each class.

    Raises:
        DataError: If the labels cannot be used.
    """
    values = list(one_dimensional(y))
    rows, found = read_memory([""] * len(values), values)
    labels: list[Any] = rows["label"][:]
    if found is None or len(found) != len(labelling.classes):
        return labels
    return [[labelling.classes[place] for place in row] for row in labels]


def label_table(y: Any) -> NDArray[Any] | None:  # noqa: ANN401
    """Return `y` as an array if it has numbers in a column per class; else None.

    Floats that are all 0 and 1 become integers, unless they are probabilities: of one class each.
    """
    if len(getattr(y, "shape", ())) != 2:
        return None
    table = np.asarray(y.toarray() if hasattr(y, "toarray") else y)
    if table.dtype.kind == "O" and all(isinstance(value, Integral) for value in table.flat):
        table = table.astype(np.int64)  # a frame of booleans or pandas' nullable integers
    if table.dtype.kind not in "biuf":
        return None
    if table.dtype.kind == "f" and np.isin(table, (0, 1)).all() and (table.sum(axis=1) != 1).any():
        return table.astype(np.int64)
    return table


def one_dimensional(y: Any) -> Any:  # noqa: ANN401
    """Return `y` without its second axis if that has a length of 1, and warn.

    Whoever has loaded scikit-learn gets its `DataConversionWarning`, others a `UserWarning`.
    """
    if len(getattr(y, "shape", ())) != 2 or y.shape[1] != 1:
        return y
    warnings.warn(
        "y is a column vector: its only column is read as one label a text; give y.ravel()",
        getattr(sys.modules.get("sklearn.exceptions"), "DataConversionWarning", UserWarning),
        stacklevel=4,  # the caller of `fit`
    )
    return np.asarray(y.toarray() if hasattr(y, "toarray") else y).ravel()
