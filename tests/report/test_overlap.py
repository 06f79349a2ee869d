import numpy as np
import pytest

from wave_network.data import from_memory
from wave_network.report.overlap import find_overlap, label_names

NEWS = [
    "The council voted to close the old bridge after two engineers warned that it might fall.",
    "A striker who had not scored for a year did so three times in the last ten minutes.",
    "Nobody had seen the comet for eighty years when a schoolteacher found it with binoculars.",
]


def test_duplicates_are_counted_and_their_labels_compared():
    rows = from_memory(NEWS, ["World", "Sports", "Science"])
    training = from_memory(
        [NEWS[0].upper(), NEWS[1] + " Indeed.", "something else"], ["World", "Football", "Science"]
    )
    overlap = find_overlap(rows, training, np.array([True, False, True]))
    assert (overlap.training_texts, overlap.exact, overlap.near, overlap.differing) == (3, 1, 1, 1)
    assert [pair.duplicate.test for pair in overlap.pairs] == [1, 0]
    assert (overlap.accuracy, overlap.accuracy_without) == (0.5, 1.0)


def test_label_lists_are_compared_whatever_their_order():
    rows = from_memory(NEWS, [["a", "b"], ["a"], []])
    training = from_memory(NEWS, [["b", "a"], ["a", "b"], []])
    overlap = find_overlap(rows, training, np.ones(3, np.bool_))
    assert (overlap.exact, overlap.differing, overlap.accuracy_without) == (3, 1, None)
    first = overlap.pairs[0]
    assert (first.labels, first.training_labels) == (("a",), ("a", "b"))


@pytest.mark.parametrize(
    ("value", "names"), [("World", ("World",)), (3, ("3",)), ([], ()), (["b", "a"], ("a", "b"))]
)
def test_the_names_of_a_texts_labels(value, names):
    assert label_names(value) == names
