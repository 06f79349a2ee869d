import numpy as np
import pytest

from wave_network.data.training_data import training_data_from_memory
from wave_network.data.unlabelled_rows import split_rows

TEXTS = ["sun", "snow", "rain", "wind"]


@pytest.mark.parametrize(
    ("labels", "kept", "marked"),
    [
        ([0, -1, 1, -1], [0, 1], 2),
        (np.array([0, 1, -1, -1]), [0, 1], 2),
        (["a", None, "b", None], ["a", "b"], 0),
        ([5, None, 2, -1], [5, 2], 1),
    ],
)
def test_rows_without_labels_are_separated(labels, kept, marked):
    found = split_rows(TEXTS, labels, [1, 2, 3, 4])
    assert found.labels == kept
    assert sorted([*found.texts, *found.unlabelled]) == sorted(TEXTS)
    assert [label for label in labels if label in kept] == kept
    assert found.marked == marked
    assert len(found.weights) == 2


@pytest.mark.parametrize(
    "labels",
    [[-1, 1, 1, -1], [-2, -1, 0, 1], ["-1", "0", "1", "0"], [True, False, True, True], [[0], [-1]]],
)
def test_a_label_of_minus_1_may_be_a_class(labels):
    found = split_rows(TEXTS, labels, None)
    assert found.labels == labels
    assert not found.unlabelled


def test_they_join_the_other_unlabelled_texts():
    data = training_data_from_memory(TEXTS, [0, -1, 1, -1], [1, 5, 2, 5], unlabeled=["fog"])
    assert data.rows["text"][:] == ["sun", "rain"]
    assert data.rows["weight"].tolist() == [1, 2]
    assert data.unlabeled["text"][:] == ["fog", "snow", "wind"]
    assert data.marked == 2
    assert training_data_from_memory(TEXTS, [0, 0, 1, 1]).unlabeled is None
