import numpy as np
import pytest

from wave_network.evaluation.calibration import expected_calibration_error
from wave_network.report.reliability import (
    interval,
    multi_label_reliability_bins,
    reliability_bins,
)


def test_every_figure_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]])
    low, high = reliability_bins(probabilities, np.array([0, 1, 1, 1]))
    assert (low.texts, low.confidence, low.accuracy) == (2, pytest.approx(0.6), 1.0)
    assert (high.texts, high.confidence, high.accuracy) == (2, pytest.approx(0.9), 0.5)
    assert low.low < 0.6 <= low.high + 1e-12


def test_the_bins_are_those_of_the_calibration_error():
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.ones(4), 500)
    labels = random.integers(0, 4, 500)
    bins = reliability_bins(probabilities, labels)
    error = sum(one.texts * abs(one.confidence - one.accuracy) for one in bins) / 500
    assert error == pytest.approx(expected_calibration_error(probabilities, labels))
    assert sum(one.texts for one in bins) == 500


def test_of_label_lists_each_label_of_each_text_counts():
    probabilities = np.array([[0.9, 0.02], [0.9, 0.04]])
    low, high = multi_label_reliability_bins(
        probabilities, np.array([[True, False], [False, False]])
    )
    assert (low.texts, low.confidence, low.accuracy) == (2, pytest.approx(0.03), 0.0)
    assert (high.texts, high.confidence, high.accuracy) == (2, pytest.approx(0.9), 0.5)


def test_an_interval_of_wilson():
    assert interval(0.8, 10) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert interval(1.0, 5)[1] == 1.0
    assert interval(0.0, 5)[0] == 0.0
