"""Many labels: every text is told from those that it resembles."""

import numpy as np
import pytest
from sparse import of_dense, to_dense

from wave_network.training.local_wave.many_labels import Examples, sparse_linear_weights

LABELS, TEXTS_A_LABEL = 100, 12


@pytest.fixture(scope="module")
def words():
    """Texts of three of their label's six words, among eight of any; one row a text."""
    random = np.random.default_rng(0)
    keys = np.array([random.choice(2_000, 6, replace=False) for _ in range(LABELS)])

    def draw(labels):
        rows = np.zeros((len(labels), 2_000), np.float32)
        for row, label in zip(rows, labels, strict=True):
            row[random.choice(keys[label], 3, replace=False)] = 0.3
            row[random.integers(2_000, size=8)] = 0.3
        return rows

    labels = np.repeat(np.arange(LABELS), TEXTS_A_LABEL)
    return draw(labels), labels, draw(np.arange(LABELS))


def solve(rows, targets, blocks=None, size=20_000, labels=LABELS):
    examples = Examples(of_dense(rows), targets, np.ones(len(rows), np.float32))
    blocks = np.arange(labels).reshape(-1, 10) if blocks is None else blocks
    scales = np.ones(rows.shape[1], np.float32)
    return sparse_linear_weights(examples, blocks, scales, labels, size, seed=0)


@pytest.mark.parametrize("multi_label", [False, True])
def test_new_texts_get_their_labels(words, multi_label):
    rows, labels, new = words
    targets = np.eye(LABELS, dtype=np.float32)[labels] if multi_label else labels
    weights = solve(rows, targets)
    assert (weights.bias < 0).all()
    margins = new @ to_dense(weights.matrix) + weights.bias
    assert (margins.argmax(axis=1) == np.arange(LABELS)).mean() > 0.97


def test_a_tenth_of_the_weights_does_as_well(words):
    rows, labels, new = words
    weights = solve(rows, labels, size=2_000)
    assert weights.matrix.nnz == 2_000
    margins = new @ to_dense(weights.matrix) + weights.bias
    assert (margins.argmax(axis=1) == np.arange(LABELS)).mean() > 0.97


def test_labels_without_texts_have_no_weights(words):
    rows, labels, _ = words
    weights = solve(rows, labels, np.arange(LABELS).reshape(-1, 10), labels=LABELS + 5)
    assert not to_dense(weights.matrix)[:, LABELS:].any()
    np.testing.assert_array_equal(weights.bias[LABELS:], -1)


def test_few_labels_are_told_from_all_texts():
    rows = np.eye(4, dtype=np.float32).repeat(5, axis=0)
    weights = solve(rows, np.arange(4).repeat(5), [np.arange(4)], size=100, labels=4)
    margins = rows @ to_dense(weights.matrix) + weights.bias
    assert (margins.argmax(axis=1) == np.arange(4).repeat(5)).all()
