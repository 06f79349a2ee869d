import numpy as np
import pytest

from wave_network.report.groups import groups
from wave_network.report.reliability import interval


def test_texts_of_like_values_by_hand():
    values = np.array([1, 1, 2, 9, 9, 9])
    correct = np.array([True, False, True, True, True, False])
    small, middle, large = groups(values, values, correct, np.array([0, 1, 1, 2, 2, 2]))
    assert (small.low, small.high, small.texts, small.classes) == (1, 1, 2, 2)
    assert (middle.low, middle.texts, middle.accuracy) == (2, 1, 1.0)
    assert (large.high, large.classes, large.accuracy) == (9, 1, pytest.approx(2 / 3))
    assert large.interval == interval(2 / 3, 3)


def test_classes_are_counted_only_if_asked_for():
    (group,) = groups(np.ones(3, int), np.ones(3, int), np.ones(3, np.bool_))
    assert group.classes is None


def test_nothing_is_in_no_group():
    none = np.zeros(0, int)
    assert groups(none, none, none.astype(np.bool_), none) == []
