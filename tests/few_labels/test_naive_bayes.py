import numpy as np
from scipy.sparse import csr_array

from wave_network.few_labels.naive_bayes import naive_bayes_weights

# Words 0 and 1 occur together, and 2 and 3; only 0 and 2 are in labelled texts.
LABELLED = csr_array(np.array([[1, 0, 0, 0], [0, 0, 1, 0]], np.float32))
TARGETS = np.eye(2, dtype=np.float32)
TOGETHER = csr_array(np.array([[1, 1, 0, 0]] * 9 + [[0, 0, 1, 1]] * 9, np.float32))


def weights_of(unlabelled):
    return naive_bayes_weights(LABELLED, TARGETS, unlabelled, unlabelled.T.tocsr())


def test_words_beside_labelled_ones_tell_the_class():
    weights = weights_of(TOGETHER)
    assert (weights.argmax(axis=1) == [0, 0, 1, 1]).all()
    assert (np.ptp(weights, axis=1) > 1).all()
    np.testing.assert_allclose(weights.sum(axis=1), 0, atol=1e-5)


def test_without_unlabelled_texts_it_is_plain_naive_bayes():
    weights = weights_of(csr_array((0, 4), dtype=np.float32))
    counts = 3 * np.array([[1, 0], [0, 0], [0, 1], [0, 0]]) + 0.1
    logs = np.log(counts / counts.sum(axis=0))
    np.testing.assert_allclose(weights, logs - logs.mean(axis=1, keepdims=True), atol=1e-5)


def test_long_texts_give_finite_weights():
    features = csr_array(np.ones((50, 3_000), np.float32))
    labelled = csr_array(np.ones((2, 3_000), np.float32))
    weights = naive_bayes_weights(labelled, TARGETS, features, features.T.tocsr())
    assert np.isfinite(weights).all()
