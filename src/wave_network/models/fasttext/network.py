"""The forward pass of a fastText model in NumPy."""

from __future__ import annotations

from typing import Final

import numpy as np

from wave_network.config import FastTextConfig
from wave_network.config.fasttext import FastTextLoss
from wave_network.errors import ConfigError
from wave_network.models.fasttext.matrix import Matrix, matrix_of, ordered_product
from wave_network.models.fasttext.tree import LabelTree, check_tree, exponential
from wave_network.models.numpy_ops import Floats, Integers, Wave, check_finite
from wave_network.models.tensor_spec import Tensors

SIGMOID_STEPS: Final = 512
SIGMOID_REACH: Final = 8
_REACHES: Final = np.arange(SIGMOID_STEPS + 1) * (2 * SIGMOID_REACH / SIGMOID_STEPS)
_SIGMOID: Final = (1 / (1 + np.exp(SIGMOID_REACH - _REACHES))).astype(np.float32)
"""fastText's sigmoid from -8 to 8, in steps of 1/32."""


class NumpyFastTextNetwork:
    """A fastText classifier on packed rows.

    Args:
        config: The model's configuration.
        tensors: Its weights.

    Attributes:
        config: As given.
        input: The table of words and buckets.
        output: The matrix of the labels, or of the inner nodes of their tree.
        tree: The tree of the labels; only of a hierarchical softmax.

    Raises:
        ConfigError: If the tree is none.
    """

    def __init__(self, config: FastTextConfig, tensors: Tensors) -> None:
        self.config = config
        self._tensors = tensors
        self.input: Matrix = matrix_of(tensors, "input", config.input_block)
        self.output: Matrix = matrix_of(tensors, "output", config.output_block)
        self._factors, self._norms = self.output.factors()
        self.tree: LabelTree | None = None
        if config.loss == "hs":
            check_tree(tensors["tree"], config.num_labels)
            self.tree = LabelTree(tensors["tree"])

    def __reduce__(self) -> tuple[type[NumpyFastTextNetwork], tuple[FastTextConfig, Tensors]]:
        return type(self), (self.config, self._tensors)

    @property
    def tokens_at_once(self) -> int:
        """As `NumpyNetwork.tokens_at_once`."""
        return 2**20

    def logits(
        self, ids: Integers, offsets: Integers, sentence_offsets: Integers | None = None
    ) -> Floats:
        """Compute the probabilities of packed texts: this family gives no logits.

        Args:
            ids: Rows of the table, (rows,).
            offsets: (texts + 1,); a text may be empty.
            sentence_offsets: Not read.

        Returns:
            float32, (texts, labels); 0 for a text without rows, of which fastText says nothing.
        """
        answers = self.answers(self.input.means(ids, offsets))
        if self.tree is not None:
            answers = np.minimum(np.exp(answers[:, : self.tree.labels]), 1)
        answers[np.diff(offsets) == 0] = 0
        return answers

    def embeddings(
        self, ids: Integers, offsets: Integers, sentence_offsets: Integers | None = None
    ) -> Floats:
        """As `NumpyNetwork.embeddings`: the means of the rows, fastText's sentence vectors."""
        return self.input.means(ids, offsets)

    def answers(self, hidden: Floats) -> Floats:
        """Compute what fastText chooses labels by.

        Args:
            hidden: The means of the texts' rows, (texts, dimensions).

        Returns:
            float32, (texts, labels): probabilities. With a tree, the scores of its nodes, as
            `LabelTree.scores` returns them.

        Raises:
            ModelFolderError: If they are not finite.
        """
        outputs = self.outputs(hidden)
        check_finite(outputs)
        if self.tree is not None:
            return self.tree.scores(outputs)
        return activated(outputs, self.config.loss)

    def outputs(self, hidden: Floats) -> Floats:
        """Multiply the means of the texts' rows by the matrix of the labels.

        Args:
            hidden: (texts, dimensions).

        Returns:
            float32, (texts, labels); with a tree, of its inner nodes, and a further column.
        """
        outputs = ordered_product(hidden, self._factors)
        if self._norms is not None:
            outputs *= self._norms
        return outputs

    def at_hidden(self, at_outputs: Floats) -> Floats:
        """Backpropagate through `outputs`: from the gradient there to that at the means."""
        if self._norms is not None:
            at_outputs = at_outputs * self._norms
        result: Floats = at_outputs @ self._factors.T
        return result

    def waves(
        self, ids: Integers, offsets: Integers, sentence_offsets: Integers | None = None
    ) -> tuple[Wave, Wave]:
        """Refuse: there are no waves."""
        raise no_waves()

    def variants(self, ids: Integers, offsets: Integers) -> Floats:
        """Refuse: there are no waves."""
        raise no_waves()


def activated(outputs: Floats, loss: FastTextLoss) -> Floats:
    """Compute probabilities from outputs, as fastText does for a loss without a tree."""
    if loss == "softmax":
        return _softmax(outputs)
    places = (outputs + np.float32(SIGMOID_REACH)) * np.float32(SIGMOID_STEPS)
    places /= np.float32(2 * SIGMOID_REACH)
    result: Floats = _SIGMOID[np.clip(places, 0, SIGMOID_STEPS).astype(np.int64)]
    result[outputs < -SIGMOID_REACH] = 0
    result[outputs > SIGMOID_REACH] = 1
    return result


def _softmax(outputs: Floats) -> Floats:
    """Compute probabilities with fastText's rounding: exact powers, added in their order."""
    powers: Floats = exponential(outputs - outputs.max(axis=1, keepdims=True))
    powers /= np.add.accumulate(powers, axis=1)[:, -1:]
    return powers


def no_waves() -> ConfigError:
    """Return the error for what only a wave network has."""
    return ConfigError("a fastText model has no waves: train one of ours for that")
