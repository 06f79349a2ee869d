"""The tree of hierarchical softmax."""

import numpy as np
import pytest

from wave_network.errors import ConfigError
from wave_network.models.fasttext.tree import LabelTree, build_tree, check_tree


def test_rare_labels_are_deep():
    tree = build_tree(np.array([8, 4, 2, 1]))
    assert tree.tolist() == [[3, 2], [4, 1], [5, 0]]


def test_equal_counts_give_a_balanced_tree():
    assert build_tree(np.array([1, 1, 1, 1])).tolist() == [[3, 2], [1, 0], [4, 5]]


@pytest.mark.parametrize("labels", [1, 2, 3, 50, 333])
def test_probabilities_of_a_tree_sum_to_one(labels):
    random = np.random.default_rng(labels)
    tree = LabelTree(build_tree(np.sort(random.integers(1, 1_000, labels))[::-1]))
    outputs = random.normal(size=(7, labels)).astype(np.float32)
    scores = tree.scores(outputs)
    assert scores.shape == (7, 2 * labels - 1)
    np.testing.assert_allclose(np.exp(scores[:, :labels]).sum(axis=1), 1, atol=2e-3)
    np.testing.assert_array_equal(scores[:, -1], 0)


def test_scores_are_those_of_the_path():
    tree = LabelTree(build_tree(np.array([8, 4, 2, 1])))
    outputs = np.array([[0.5, -1.0, 2.0, 9.0]], np.float32)  # the last is of no inner node
    right = 1 / (1 + np.exp(-outputs[0].astype(np.float64)))
    path = np.log(np.array([right[2], (1 - right[2]) * right[1]]))
    np.testing.assert_allclose(tree.scores(outputs)[0, :2], path, atol=2e-4)


@pytest.mark.parametrize(
    "tree",
    [
        [[0, 0]],
        [[0, 2]],
        [[0, -1]],
        [[0, 3], [1, 2]],  # a node among its own children
        [[4, 1], [0, 2]],  # a child that comes later
        [[0, 1], [0, 1]],
    ],
)
def test_what_is_no_tree(tree):
    values = np.array(tree, np.int32)
    with pytest.raises(ConfigError, match="the tree of its labels is none"):
        check_tree(values, len(values) + 1)


def test_counts_beyond_those_that_fasttext_knows():
    # It takes a node that is not built yet for a rare label.
    check_tree(build_tree(np.array([2**60, 2**60, 2**60])), 3)
    check_tree(build_tree(np.array([-5, 0, 0])), 3)
