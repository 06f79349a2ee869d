import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import betabinom

from wave_network.errors import ConfigError
from wave_network.evaluation.conformal import conformal_thresholds, threshold_for


def draw(texts, random, classes=5):
    """Probabilities that are wrong about how sure they are, and labels."""
    logits = random.normal(scale=2, size=(texts, classes))
    drawn = random.random((texts, 1)) < softmax(logits, axis=1).cumsum(axis=1)
    return softmax(2 * logits, axis=1), drawn.argmax(axis=1)


def held(probabilities, labels, threshold):
    return probabilities[np.arange(len(labels)), labels] >= threshold


def test_bars_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.65, 0.35], [0.55, 0.45]])
    thresholds = conformal_thresholds(probabilities, np.array([0, 1, 1, 0]))  # 0.9, 0.8, 0.55, 0.35
    assert len(thresholds) == 800  # four texts give a coverage of 4/5 at most
    # The k-th highest, k = ceil(5 c).
    for coverage, expected in (
        *((0.001, 0.9), (0.2, 0.9), (0.201, 0.8), (0.4, 0.8)),
        *((0.5, 0.55), (0.6, 0.55), (0.7, 0.35), (0.8, 0.35)),
    ):
        assert threshold_for(coverage, thresholds) == expected


def test_no_coverage_is_lost_by_rounding():
    true = np.random.default_rng(0).random(2_000)
    thresholds = conformal_thresholds(np.stack([true, 1 - true], axis=1), np.zeros(2_000, np.int64))
    ordered = np.sort(true)[::-1]
    assert len(thresholds) == 999
    assert thresholds == sorted(thresholds, reverse=True)
    for step in range(1, 1_000):
        threshold, rank = threshold_for(step / 1_000, thresholds), -(-2_001 * step // 1_000)
        assert ordered[rank - 1] - 1e-6 <= threshold <= ordered[rank - 1]
    assert threshold_for(0.9001, thresholds) == threshold_for(
        0.901, thresholds
    )  # in between, it is rounded up


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("texts", [20, 99, 500])
def test_the_coverage_holds_for_any_number_of_validation_texts(coverage, texts):
    """On average over many drawings, though the probabilities are far from right."""
    random = np.random.default_rng(texts)
    shares = []
    for _ in range(400):
        threshold = threshold_for(coverage, conformal_thresholds(*draw(texts, random)))
        shares.append(held(*draw(500, random), threshold).mean())
    rank = np.ceil((texts + 1) * coverage)
    expected = betabinom(500, rank, texts + 1 - rank)
    error = expected.std() / 500 / np.sqrt(400)
    assert np.mean(shares) == pytest.approx(expected.mean() / 500, abs=4 * error)
    assert expected.mean() / 500 >= coverage - 1e-12


def test_what_the_texts_are_too_few_for_is_refused():
    thresholds = conformal_thresholds(*draw(19, np.random.default_rng(0)))
    assert threshold_for(0.95, thresholds) > 0
    with pytest.raises(ConfigError, match=r"coverage 0\.96 needs more validation texts.* 0\.95"):
        threshold_for(0.96, thresholds)


@pytest.mark.parametrize("coverage", [0, 1, -0.5, 1.5, float("nan")])
def test_a_coverage_is_between_0_and_1(coverage):
    with pytest.raises(ConfigError, match="coverage must be between 0 and 1"):
        threshold_for(coverage, [0.5])


@pytest.mark.parametrize("thresholds", [None, []])
def test_a_model_without_thresholds_says_so(thresholds):
    with pytest.raises(ConfigError, match=r"has no prediction sets: .* train it again"):
        threshold_for(0.9, thresholds)
