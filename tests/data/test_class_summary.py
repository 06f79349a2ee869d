import numpy as np

from wave_network.data.class_summary import ClassSummary, class_summaries, count_conflicting


def test_classes_are_counted_with_an_example_of_each():
    texts = np.array(["x", "y", "z"])
    expected = (ClassSummary("a", 2, "x"), ClassSummary("b", 1, "y"), ClassSummary("c", 0, ""))
    hard = np.array([0, 1, 0])
    soft = np.eye(3, dtype=np.float32)[hard] * 0.8 + 0.1
    for targets in (hard, soft, np.eye(3, dtype=np.float32)[hard]):
        assert class_summaries(("a", "b", "c"), targets, texts.__getitem__) == expected


def test_texts_with_different_labels_are_counted():
    hashes = np.array([5, 5, 7, 7, 0, 0, 9])
    assert count_conflicting(hashes, np.array([0, 1, 1, 1, 0, 1, 1])) == 2
    several = np.array([[1, 0], [1, 1], [0, 1], [0, 1], [0, 0], [1, 1], [1, 1]], np.float32)
    assert count_conflicting(hashes, several) == 2
    assert count_conflicting(hashes[2:], np.array([1, 1, 0, 1, 1])) == 0
