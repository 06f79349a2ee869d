"""The tree of fastText's hierarchical softmax.

Nodes are numbered: the labels first, then the inner nodes, each after its children, the root last.
The children of inner node `i` are `tree[i - labels]`. A text goes right with the probability of the
inner node's output, else left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wave_network.errors import ConfigError
from wave_network.models.numpy_ops import Floats, log_sigmoid, sigmoid

_UNBUILT = 10**15  # the count of a node that is not built yet, in fastText


def build_tree(counts: NDArray[np.int64]) -> NDArray[np.int32]:
    """Build the Huffman tree of labels, as fastText does.

    Args:
        counts: How often each label was in the training data, falling.

    Returns:
        The children of each inner node, int32, (labels - 1, 2).

    Raises:
        ConfigError: If the counts give no tree.
    """
    labels = len(counts)
    weights = counts.tolist() + [_UNBUILT] * max(0, labels - 1)
    tree = np.empty((max(0, labels - 1), 2), np.int32)
    leaf, node = labels - 1, labels
    for place in range(labels - 1):
        total = 0
        for side in range(2):
            if leaf >= 0 and (node >= labels + place or weights[leaf] < weights[node]):
                child, leaf = leaf, leaf - 1
            else:
                child, node = node, node + 1
            tree[place, side] = child
            total += weights[child]
        weights[labels + place] = total
    check_tree(tree, labels)
    return tree


def check_tree(tree: NDArray[np.int32], labels: int) -> None:
    """Check that each node but the root is the child of one later node.

    Raises:
        ConfigError: If not.
    """
    children = np.sort(tree, axis=None)
    inner = np.arange(labels, labels + len(tree))[:, None]
    if not np.array_equal(children, np.arange(2 * len(tree))) or (tree >= inner).any():
        raise ConfigError("the tree of its labels is none")


class LabelTree:
    """The scores of all nodes: logarithms of the probabilities of getting there.

    Args:
        tree: As `build_tree` returns it.

    Attributes:
        children: As given.
        labels: The number of labels.
    """

    def __init__(self, tree: NDArray[np.int32]) -> None:
        self.children = tree
        self.labels = len(tree) + 1
        depths = np.zeros(2 * self.labels - 1, np.int64)
        for place in range(len(tree) - 1, -1, -1):
            depths[tree[place]] = depths[self.labels + place] + 1
        inner = depths[self.labels :]
        order = np.argsort(inner, kind="stable")
        self._levels = np.split(order, np.flatnonzero(np.diff(inner[order])) + 1)

    def scores(self, outputs: Floats) -> Floats:
        """Compute the score of every node.

        Args:
            outputs: The outputs of the inner nodes; further columns are not read. (texts, any).

        Returns:
            float32, (texts, 2 * labels - 1), the labels first.
        """
        scores = np.zeros((len(outputs), 2 * self.labels - 1), np.float32)
        for level in self._levels if len(self.children) else ():
            right: Floats = np.float32(1) / (np.float32(1) + exponential(-outputs[:, level]))
            left: Floats = (1 - right.astype(np.float64)).astype(np.float32)
            parents: Floats = scores[:, self.labels + level]
            scores[:, self.children[level, 0]] = parents + logarithm(left)
            scores[:, self.children[level, 1]] = parents + logarithm(right)
        return scores

    def log_probabilities(self, outputs: Floats) -> Floats:
        """Compute the logarithm of each label's probability, without what fastText adds to it.

        Args:
            outputs: As for `scores`.

        Returns:
            float32, (texts, labels).
        """
        scores = np.zeros((len(outputs), 2 * self.labels - 1), np.float32)
        for level in self._levels if len(self.children) else ():
            parents: Floats = scores[:, self.labels + level]
            for side, sign in enumerate((-1, 1)):
                chosen = log_sigmoid(np.float32(sign) * outputs[:, level])
                scores[:, self.children[level, side]] = parents + chosen
        return scores[:, : self.labels]

    def gradient(self, outputs: Floats, at_labels: Floats) -> Floats:
        """Backpropagate through `log_probabilities`.

        Args:
            outputs: As for `scores`.
            at_labels: The gradient at the logarithms, (texts, labels).

        Returns:
            The gradient at the outputs, in their shape.
        """
        result = np.zeros_like(outputs)
        sums = np.zeros((len(outputs), 2 * self.labels - 1), np.float32)  # of all labels below
        sums[:, : self.labels] = at_labels
        for level in reversed(self._levels) if len(self.children) else ():
            left, right = (sums[:, self.children[level, side]] for side in range(2))
            sums[:, self.labels + level] = left + right
            goes_right = sigmoid(outputs[:, level])
            result[:, level] = right * (1 - goes_right) - left * goes_right
        return result


def logarithm(values: Floats) -> Floats:
    """Compute fastText's logarithm, which adds 1e-5 first."""
    result: Floats = np.log(values.astype(np.float64) + 1e-5).astype(np.float32)
    return result


def exponential(values: Floats) -> Floats:
    """Compute the exponential function, rounded to the nearest number of 32 bits."""
    result: Floats = np.exp(values.astype(np.float64)).astype(np.float32)
    return result
