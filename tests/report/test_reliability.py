import numpy as np
import pytest

from wave_network.report.reliability import interval, reliability


def test_every_figure_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]])
    result = reliability(probabilities, np.array([0, 1, 1, 1]))
    low, high = result.bins
    assert (low.texts, low.confidence, low.accuracy) == (2, pytest.approx(0.6), 1.0)
    assert (high.texts, high.confidence, high.accuracy) == (2, pytest.approx(0.9), 0.5)
    assert low.low < 0.6 <= low.high + 1e-12
    assert result.ece == pytest.approx((0.4 + 0.4) / 2)
    brier = [0.1**2 * 2, 0.9**2 * 2, 0.4**2 * 2, 0.4**2 * 2]
    assert result.brier == pytest.approx(np.mean(brier))


def test_answers_that_are_right_as_often_as_they_say_have_no_error():
    random = np.random.default_rng(0)
    first = random.uniform(0.5, 1, 40_000)
    labels = (random.random(40_000) > first).astype(np.int64)
    result = reliability(np.stack([first, 1 - first], axis=1), labels)
    assert result.ece < 0.01
    assert sum(one.texts for one in result.bins) == 40_000


def test_an_interval_of_wilson():
    assert interval(0.8, 10) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert interval(1.0, 5)[1] == 1.0
    assert interval(0.0, 5)[0] == 0.0
