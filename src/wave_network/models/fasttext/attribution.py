"""Features and gradients of a fastText model, for attributions."""

from __future__ import annotations

import numpy as np

from wave_network.errors import ConfigError
from wave_network.models.family import LogitsGradient
from wave_network.models.fasttext.network import NumpyFastTextNetwork
from wave_network.models.numpy_ops import Floats, Integers

_NUMBERS_AT_ONCE = 2**24


class FastTextFeatures:
    """The `TextFeatures` of a fastText model: the means of the texts' rows.

    An empty text has the row of `</s>` alone, which every text has. So the mean changes by the sum
    of what the other rows differ from it, divided by the number of rows.

    Args:
        network: The network.
        ids: Rows of the table, (rows,).
        offsets: (texts + 1,).
        empty: The rows of an empty text, (rows,); none if the dictionary lacks `</s>`.

    Raises:
        ConfigError: If the model has a single label, whose probability is always 1.
    """

    def __init__(
        self, network: NumpyFastTextNetwork, ids: Integers, offsets: Integers, empty: Integers
    ) -> None:
        config = network.config
        if config.num_labels == 1 and not config.labels_are_independent:
            raise ConfigError("a model with a single label gives no answers to explain")
        self._network = network
        self._ids, self._offsets = ids, offsets
        self.features: Floats = network.input.means(ids, offsets)[None]
        self.empty: Floats = network.input.means(empty, np.array([0, len(empty)]))[None]

    def logits(self, features: Floats) -> Floats:
        """As `TextFeatures.logits`; with a tree, the logarithms of the probabilities."""
        outputs, tree = self._network.outputs(features[0]), self._network.tree
        return outputs if tree is None else tree.log_probabilities(outputs)

    def gradient(self, features: Floats, at_logits: LogitsGradient) -> Floats:
        """As `TextFeatures.gradient`."""
        outputs, tree = self._network.outputs(features[0]), self._network.tree
        if tree is None:
            at_outputs = at_logits(outputs)
        else:
            at_outputs = tree.gradient(outputs, at_logits(tree.log_probabilities(outputs)))
        return self._network.at_hidden(at_outputs)[None]

    def to_tokens(self, gradients: Floats) -> Floats:
        """As `TextFeatures.to_tokens`, for each row."""
        lengths = np.diff(self._offsets)
        by_row = np.empty(len(self._ids), np.float32)
        each = gradients[0] / np.maximum(lengths, 1)[:, None].astype(np.float32)
        texts = np.repeat(np.arange(len(lengths)), lengths)
        step = max(1, _NUMBERS_AT_ONCE // each.shape[1])
        for start in range(0, len(by_row), step):
            part = slice(start, start + step)
            change = self._network.input.rows(self._ids[part]) - self.empty[0]
            by_row[part] = np.einsum("rd,rd->r", change, each[texts[part]])
        return by_row
