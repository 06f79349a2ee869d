"""What a step of pretraining reads, and what it predicts: the objectives."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.config.wave_lm import WaveLMConfig

NOT_PREDICTED: Final = -1

_HIDDEN_SHARE: Final = 0.15  # as in BERT


class Examples(NamedTuple):
    """What a training step reads and predicts.

    Attributes:
        ids: The token ids that the network reads, int64, (time, lanes).
        targets: The token id to predict at each place, or `NOT_PREDICTED`, int64, (time, lanes).
    """

    ids: NDArray[np.int64]
    targets: NDArray[np.int64]

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The targets that are predicted, (targets,)."""
        found: NDArray[np.int64] = self.targets[self.targets != NOT_PREDICTED]
        return found


def next_tokens(window: NDArray[np.int64]) -> Examples:
    """Predict every token from those before it.

    Args:
        window: Sequences of token ids, (time + 1, lanes); the first id is not predicted.
    """
    return Examples(window[:-1], window[1:])


def hidden_tokens(
    window: NDArray[np.int64], shape: WaveLMConfig, random: np.random.Generator
) -> Examples:
    """Hide some tokens, at least one, and predict these.

    Starts of documents are not hidden where there is anything else, as they say where one ends.

    Args:
        window: Sequences of token ids, (time, lanes).
        shape: The configuration of a masked model.
        random: Draws what is hidden.
    """
    chance = np.where(window == shape.start_id, 2.0, random.random(window.shape))
    hidden = chance < max(_HIDDEN_SHARE, np.nextafter(chance.min(), np.inf))
    return Examples(
        np.where(hidden, shape.mask_id, window), np.where(hidden, window, NOT_PREDICTED)
    )
