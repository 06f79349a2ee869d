import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.metrics import brier_score_loss, log_loss

from wave_network.evaluation.calibration import (
    brier_score,
    expected_calibration_error,
    fit_multi_label_temperature,
    fit_temperature,
)


def draw(texts, classes=4, seed=0):
    """Logits, and labels drawn by the very probabilities that they give."""
    random = np.random.default_rng(seed)
    logits = random.normal(scale=2, size=(texts, classes))
    drawn = random.random((texts, 1)) < softmax(logits, axis=1).cumsum(axis=1)
    return logits, drawn.argmax(axis=1)


@pytest.mark.parametrize("true", [0.25, 0.5, 1.0, 2.0, 8.0])
def test_the_temperature_that_was_taken_away_is_found(true):
    logits, labels = draw(20_000)
    assert fit_temperature((true * logits).astype(np.float32), labels) == pytest.approx(
        true, rel=0.05
    )


@pytest.mark.parametrize("true", [0.3, 3.0])
def test_no_temperature_near_it_has_a_lower_loss(true):
    logits, labels = draw(5_000, seed=1)
    found = fit_temperature(true * logits, labels)

    def loss(temperature):
        return log_loss(labels, softmax(true * logits / temperature, axis=1))

    assert loss(found) < min(loss(0.97 * found), loss(1.03 * found))
    assert loss(found) < loss(1.0)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("values", [1, 37, 1_000])
def test_it_is_the_same_in_blocks(monkeypatch, values, soft):
    logits, labels = draw(500)
    targets = softmax(logits, axis=1) if soft else labels
    at_once = fit_temperature(3 * logits, targets)
    monkeypatch.setattr("wave_network.evaluation.calibration._VALUES_AT_ONCE", values)
    assert fit_temperature(3 * logits, targets) == pytest.approx(at_once, rel=1e-9)


def test_calibration_mends_probabilities_that_are_too_sure():
    logits, labels = draw(40_000)
    before, after = (
        softmax(3 * logits / temperature, axis=1)
        for temperature in (1, fit_temperature(3 * logits, labels))
    )
    assert expected_calibration_error(before, labels) > 0.1
    assert expected_calibration_error(after, labels) < 0.01
    assert brier_score(after, labels) < brier_score(before, labels)


@pytest.mark.parametrize("texts", [300, 3_000, 30_000])
def test_right_answers_alone_are_no_reason_for_certainty(texts):
    logits = np.tile([7.0, 0.0, -1.0], (texts, 1))
    temperature = fit_temperature(logits, np.zeros(texts, np.int64))
    wrong = 1 - softmax(logits / temperature, axis=1)[0, 0]
    assert wrong == pytest.approx(1 / (texts + 2), rel=0.35)


@pytest.mark.parametrize("label", [0, 1], ids=["right", "wrong"])
@pytest.mark.parametrize("texts", [1, 2, 10])
def test_a_few_texts_tell_little(texts, label):
    logits = np.tile([3.0, 0.0, -1.0], (texts, 1))
    found = fit_temperature(logits, np.full(texts, label))
    assert 0.7 < found < 4
    assert (found > 1) or label == 0


def test_logits_that_tell_nothing_or_lie_give_a_finite_temperature():
    labels = np.array([0, 1, 1])
    for logits in (np.zeros((3, 2)), np.array([[0.0, 5.0], [5.0, 0.0], [5.0, 0.0]])):
        assert 0.01 <= fit_temperature(logits, labels) <= 100.1


@given(st.integers(0, 10_000), st.integers(2, 9), st.integers(1, 40))
def test_the_order_of_the_classes_stays(seed, classes, texts):
    random = np.random.default_rng(seed)
    logits = random.normal(scale=random.choice([0.1, 1, 20]), size=(texts, classes))
    logits = logits.astype(np.float32)
    temperature = fit_temperature(logits, random.integers(classes, size=texts))
    assert np.array_equal((logits / temperature).argmax(axis=1), logits.argmax(axis=1))


def test_calibration_error_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.92, 0.08], [0.3, 0.7], [0.5, 0.5]])
    labels = np.array([0, 1, 1, 0])
    # Bins of 1/15: the first two together, the others alone.
    expected = (abs(0.9 + 0.92 - 1) + abs(0.7 - 1) + abs(0.5 - 1)) / 4
    assert expected_calibration_error(probabilities, labels) == pytest.approx(expected)


def test_calibration_error_of_certainty():
    certain = np.eye(2, dtype=np.float32)
    assert expected_calibration_error(certain, np.array([0, 1])) == 0
    assert expected_calibration_error(certain, np.array([1, 0])) == 1


def test_what_is_no_number_gives_none():
    lost = np.full((3, 2), np.nan, np.float32)
    assert np.isnan(expected_calibration_error(lost, np.array([0, 1, 0])))
    assert np.isnan(brier_score(lost, np.array([0, 1, 0])))


@pytest.mark.parametrize("classes", [2, 5])
def test_brier_score_is_scikit_learns(classes):
    logits, labels = draw(200, classes)
    probabilities = softmax(logits, axis=1)
    expected = np.square(probabilities - np.eye(classes)[labels]).sum(axis=1).mean()
    assert brier_score(probabilities, labels) == pytest.approx(expected)
    if classes == 2:
        half = brier_score_loss(labels, probabilities[:, 1])
        assert brier_score(probabilities, labels) == pytest.approx(2 * half)


def test_the_temperature_of_label_lists_restores_the_probabilities_that_made_them():
    random = np.random.default_rng(0)
    logits = random.normal(-1, 2, size=(4_000, 5))
    targets = (random.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(np.float32)
    for wrong in (0.5, 1.0, 3.0):
        found = fit_multi_label_temperature(logits * wrong, targets)
        assert found == pytest.approx(wrong, rel=0.05)
