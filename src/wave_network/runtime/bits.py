"""The bits that each token of a document takes, by a causal or a masked language model."""

from __future__ import annotations

from math import log
from typing import Final, Protocol, TypeAlias

import numpy as np

from wave_network.config.wave_lm import WaveLMConfig
from wave_network.models.numpy_ops import Floats, Integers, log_softmax
from wave_network.models.tensor_spec import Tensors
from wave_network.models.wave_lm.numpy_masked import NumpyMaskedLM
from wave_network.models.wave_lm.numpy_network import NumpyWaveLM
from wave_network.runtime.stream import Stream

Network: TypeAlias = NumpyWaveLM | NumpyMaskedLM

_TOKENS_AT_ONCE: Final = 256
_TURNS: Final = 7  # one token in seven is hidden, about as many as in training


class DocumentScorer(Protocol):
    """Scores the tokens of one document, from its start on."""

    def bits(self, ids: Integers) -> Floats:
        """Return the bits of the next tokens, `-log2` of their probabilities, (tokens,)."""


def build_network(config: WaveLMConfig, tensors: Tensors) -> Network:
    """Build the network of a causal or a masked model.

    Args:
        config: The model's configuration.
        tensors: Its weights.
    """
    return (NumpyMaskedLM if config.masked else NumpyWaveLM)(config, tensors)


def document_scorer(network: Network) -> DocumentScorer:
    """Begin to score a document."""
    return HiddenInTurn(network) if isinstance(network, NumpyMaskedLM) else Stream(network)


class HiddenInTurn:
    """Scores a document with every token hidden once: each seventh one at a time.

    A long document is scored in parts of 256 tokens, in constant memory.

    Args:
        network: The masked language model.
    """

    def __init__(self, network: NumpyMaskedLM) -> None:
        self._network = network

    def bits(self, ids: Integers) -> Floats:
        """As `DocumentScorer.bits`; each token is given those of its part that are not hidden."""
        parts = [
            self._bits_of_part(ids[start : start + _TOKENS_AT_ONCE])
            for start in range(0, len(ids), _TOKENS_AT_ONCE)
        ]
        return np.concatenate([np.empty(0, np.float32), *parts])

    def _bits_of_part(self, ids: Integers) -> Floats:
        config, turns = self._network.config, min(_TURNS, len(ids))
        places = np.arange(len(ids))
        hidden = np.zeros((1 + len(ids), turns), bool)
        hidden[1 + places, places % turns] = True
        shown = np.concatenate([[config.start_id], ids])[:, None]
        logits = self._network.logits(np.where(hidden, config.mask_id, shown), hidden)
        result: Floats = log_softmax(logits)[places, ids] / np.float32(-log(2))
        return result
