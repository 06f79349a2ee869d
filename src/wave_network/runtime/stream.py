"""One document that a language model reads token by token, or many tokens at a time."""

from __future__ import annotations

from math import log
from typing import Final

import numpy as np

from wave_network.models.numpy_ops import Floats, Integers, log_softmax
from wave_network.models.wave_lm.numpy_network import NumpyWaveLM

_TOKENS_AT_ONCE: Final = 256


class Stream:
    """A document from its start on, in constant memory.

    Args:
        network: The language model.

    Attributes:
        logits: Those of the next token, (vocabulary,).
        state: What the network keeps of the document.
    """

    def __init__(self, network: NumpyWaveLM) -> None:
        self._network = network
        self.state = network.initial_state()
        self.read(np.array([network.config.start_id]))

    def read(self, ids: Integers) -> None:
        """Read the next tokens, (tokens,)."""
        for start in range(0, len(ids), _TOKENS_AT_ONCE):
            part = ids[start : start + _TOKENS_AT_ONCE]
            self.logits = self._network.logits(part, self.state)[-1]

    def bits(self, ids: Integers) -> Floats:
        """Read the next tokens, and return the bits that each takes.

        Args:
            ids: (tokens,).

        Returns:
            `-log2` of their probabilities, (tokens,).
        """
        result = np.empty(len(ids), np.float32)
        for start in range(0, len(ids), _TOKENS_AT_ONCE):
            part = ids[start : start + _TOKENS_AT_ONCE]
            following = self._network.logits(part, self.state)
            logits = np.concatenate([self.logits[None], following[:-1]])
            chosen = log_softmax(logits)[np.arange(len(part)), part]
            result[start : start + len(part)] = chosen / np.float32(-log(2))
            self.logits = following[-1]
        return result
