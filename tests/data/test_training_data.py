import sys

import numpy as np
import pytest

from wave_network.data import MultiLabel, SingleLabel, TrainingData, from_memory
from wave_network.data.training_data import training_data_from_memory
from wave_network.errors import DataError

TEXTS = ["sun", "snow", "rain"]


@pytest.mark.parametrize(
    ("y", "labelling", "targets"),
    [
        (["b", "a", "b"], SingleLabel(("a", "b")), [1, 0, 1]),
        ([["b", "a"], [], ["a"]], MultiLabel(("a", "b")), [[1, 1], [0, 0], [1, 0]]),
        (np.array([[1, 0], [0, 0], [1, 1]]), MultiLabel((0, 1)), [[1, 0], [0, 0], [1, 1]]),
        (
            np.array([[0.5, 0.5], [0.25, 0.75], [1, 0]]),
            SingleLabel((0, 1)),
            [[0.5, 0.5], [0.25, 0.75], [1, 0]],
        ),
    ],
    ids=["labels", "lists", "zeros and ones", "probabilities"],
)
def test_every_form_of_labels_has_one_labelling_and_its_targets(y, labelling, targets):
    data = training_data_from_memory(TEXTS, y)
    assert data.labelling() == labelling
    assert data.targets(labelling).tolist() == targets


def test_texts_of_weight_0_are_left_out_of_soft_labels_too():
    soft = np.array([[0.5, 0.5], [0.25, 0.75], [1, 0]])
    data = training_data_from_memory(TEXTS, soft, weights=[1, 0, 2], classes=["x", "y"])
    assert data.rows["text"][:] == ["sun", "rain"]
    assert data.targets(data.labelling()).tolist() == [[0.5, 0.5], [1, 0]]
    assert data.labelling().classes == ("x", "y")


def test_a_column_vector_is_read_with_a_warning(monkeypatch):
    monkeypatch.delitem(sys.modules, "sklearn.exceptions", raising=False)
    with pytest.warns(UserWarning, match="y is a column vector: its only column is read") as caught:
        data = training_data_from_memory(TEXTS, np.array([["b"], ["a"], ["b"]]))
    assert [one.category for one in caught] == [UserWarning]
    assert data.rows["label"][:] == ["b", "a", "b"]


def test_given_classes_keep_their_order_and_may_lead_no_text():
    rows = from_memory(TEXTS, ["b", "a", "b"])
    data = TrainingData(rows, classes=["c", "b", "a"])
    assert data.targets(data.labelling()).tolist() == [1, 2, 1]
    with pytest.raises(DataError, match="classes is for a y with columns, and this y has none"):
        training_data_from_memory(TEXTS, ["b", "a", "b"], classes=["b", "a"])
