"""Precision and recall of labels."""

from math import isnan

import pytest

from wave_network.fasttext.meter import Meter


def test_counts_over_lines_and_of_a_label():
    meter = Meter()
    meter.add([0], [0])
    meter.add([0, 1], [2, 1])
    meter.add([2], [])
    assert meter.lines == 3
    assert meter.precision() == pytest.approx(2 / 3)
    assert meter.recall() == pytest.approx(2 / 4)
    assert meter.scores(0) == {"precision": 1.0, "recall": 0.5, "f1score": pytest.approx(2 / 3)}
    assert meter.scores(2) == {"precision": 0.0, "recall": 0.0, "f1score": 0.0}
    assert all(map(isnan, meter.scores(3).values()))


def test_nothing_counted():
    assert isnan(Meter().precision())
    assert isnan(Meter().recall())
