import numpy as np
from sparse import of_dense

from wave_network.few_labels.naive_bayes import UnlabelledWords, naive_bayes_weights

# Words 0 and 1 occur together, and 2 and 3; only 0 and 2 are in labelled texts.
LABELLED = of_dense(np.array([[1, 0, 0, 0], [0, 0, 1, 0]], np.float32))
TARGETS = np.eye(2, dtype=np.float32)
TOGETHER = of_dense(np.array([[1, 1, 0, 0]] * 9 + [[0, 0, 1, 1]] * 9, np.float32))


GROUPS = np.repeat(np.eye(2, dtype=np.float32), 9, axis=0)
EVEN = np.full((18, 2), 0.5, np.float32)


def test_words_beside_labelled_ones_tell_the_class():
    unlabelled = UnlabelledWords.of(TOGETHER, GROUPS)
    weights = naive_bayes_weights(LABELLED, TARGETS, unlabelled, EVEN)
    assert (weights.argmax(axis=1) == [0, 0, 1, 1]).all()
    assert (np.ptp(weights, axis=1) > 0.5).all()
    np.testing.assert_allclose(weights.sum(axis=1), 0, atol=1e-5)


def test_a_first_estimate_decides_where_labels_do_not():
    unlabelled = UnlabelledWords.of(TOGETHER, GROUPS)
    unknown = of_dense(np.zeros((2, 4)))
    for estimated in (GROUPS, GROUPS[::-1]):
        weights = naive_bayes_weights(unknown, TARGETS, unlabelled, estimated)
        assert ((TOGETHER @ weights).argmax(axis=1) == estimated.argmax(axis=1)).all()


def test_words_of_all_kinds_of_texts_count_less():
    rows = np.zeros((60, 3), np.float32)
    rows[:30, 0] = rows[30:, 1] = rows[:, 2] = 1
    vectors = np.repeat(np.eye(2, dtype=np.float32), 30, axis=0)
    weights = UnlabelledWords.of(of_dense(rows), vectors).weights[:, 0]
    assert weights[2] < 0.1 * weights[0]
    np.testing.assert_allclose(weights[0], weights[1], rtol=1e-5)


def test_rare_words_count_as_others():
    vectors = np.repeat(np.eye(2, dtype=np.float32), 9, axis=0)
    np.testing.assert_allclose(UnlabelledWords.of(TOGETHER, vectors).weights, 1)


def test_long_texts_give_finite_weights():
    features = of_dense(np.ones((50, 3_000), np.float32))
    labelled = of_dense(np.ones((2, 3_000), np.float32))
    unlabelled = UnlabelledWords.of(features, np.ones((50, 1), np.float32))
    estimated = np.full((50, 2), 0.5, np.float32)
    weights = naive_bayes_weights(labelled, TARGETS, unlabelled, estimated)
    assert np.isfinite(weights).all()
