import numpy as np
import pytest
from sklearn.metrics import f1_score

from wave_network.evaluation.thresholds import choose_thresholds


def column(probabilities, labels):
    return np.array(probabilities, np.float32)[:, None], np.array(labels, np.float32)[:, None]


def test_few_texts_keep_one_half():
    probabilities, targets = column([0.3, 0.3, 0.3, 0.3, 0.1, 0.1], [1, 1, 1, 1, 0, 0])
    assert choose_thresholds(probabilities, targets) == (0.5,)
    assert choose_thresholds(np.zeros((0, 2)), np.zeros((0, 2))) == (0.5, 0.5)


def test_the_more_texts_the_nearer_to_the_best_threshold():
    found = []
    for times in (5, 20, 1_000):
        probabilities, targets = column([0.3, 0.2, 0.1] * times, [1, 0, 0] * times)
        found += choose_thresholds(probabilities, targets)
    assert 0.42 > found[0] > found[1] > found[2]
    assert found[2] == pytest.approx(0.2466, abs=3e-3)  # between 0.2 and 0.3, in log-odds


def test_a_threshold_separates_what_can_be_separated():
    probabilities, targets = column([0.97] * 90 + [0.9, 0.8, 0.6] * 10, [1] * 90 + [0] * 30)
    (threshold,) = choose_thresholds(probabilities, targets)
    assert 0.9 < threshold < 0.97


def test_equal_probabilities_are_not_told_apart():
    probabilities, targets = column([0.4] * 100, [1] * 60 + [0] * 40)
    (threshold,) = choose_thresholds(probabilities, targets)
    assert 0.4 <= threshold < 0.42


def test_the_thresholds_serve_other_texts_better_than_one_half():
    """Labels of which the probabilities say too little, as those of rare labels do."""
    random = np.random.default_rng(0)
    targets = (random.random((4_000, 4)) < [0.02, 0.1, 0.3, 0.5]).astype(np.float32)
    logits = 2.5 * targets + random.normal(size=targets.shape) - 3
    probabilities = 1 / (1 + np.exp(-logits))
    thresholds = choose_thresholds(probabilities[:1_000], targets[:1_000])
    assert len(thresholds) == 4
    given = [probabilities[1_000:] >= cut for cut in (0.5, thresholds)]
    before, after = (f1_score(targets[1_000:], answer, average="macro") for answer in given)
    assert after > before + 0.1
