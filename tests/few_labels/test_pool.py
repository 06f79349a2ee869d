import numpy as np

from wave_network.few_labels.pool import pool_weights

RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(3, size=200)
TARGETS = np.eye(3, dtype=np.float32)[LABELS]
PRIOR = np.array([0.1, 0.8])


def test_a_view_that_is_right_counts_more_than_one_that_guesses():
    right = 3 * TARGETS + RANDOM.normal(size=TARGETS.shape)
    guessing = RANDOM.normal(size=TARGETS.shape)
    wrong = -right
    weights = pool_weights(np.stack([right, guessing, wrong]), TARGETS, np.full(3, 0.5))
    assert weights[0] > 1
    assert abs(weights[1]) < 0.3
    assert weights[2] == 0


def test_few_texts_leave_the_prior():
    scores = np.zeros((2, 0, 3), np.float32)
    assert pool_weights(scores, TARGETS[:0], PRIOR).tolist() == PRIOR.tolist()
    scores = RANDOM.normal(size=(2, 2, 3))
    assert np.abs(pool_weights(scores, TARGETS[:2], PRIOR) - PRIOR).max() < 0.5


def test_scores_of_any_size_give_finite_weights():
    weights = pool_weights(np.stack([1e3 * TARGETS, -1e3 * TARGETS]), TARGETS, PRIOR)
    assert np.isfinite(weights).all()
