"""The order in which pretraining reads a corpus: sequences of one length, drawn anew each epoch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wave_network.config.wave_lm import PretrainConfig
from wave_network.text.byte_level import Ids


class Windows:
    """The training sequences of every step. Step and seed alone decide them.

    Args:
        ids: The documents, (tokens,), at least two.
        config: How to train.

    Attributes:
        steps: Number of steps in all.
        steps_per_epoch: Number of steps in a pass over the documents.
    """

    def __init__(self, ids: Ids, config: PretrainConfig) -> None:
        self._ids, self._seed = ids, config.seed
        self._length = min(config.window, len(ids) - 1)
        self._count = (len(ids) - 1) // self._length
        self._lanes = min(config.batch_size, self._count)
        self.steps_per_epoch = self._count // self._lanes
        self.steps = config.steps or config.epochs * self.steps_per_epoch
        self._order = (-1, np.empty(0, np.int64))

    def epoch(self, step: int) -> int:
        """Return the epoch of a step, both from 0."""
        return step // self.steps_per_epoch

    def of(self, step: int) -> NDArray[np.int64]:
        """Return the sequences of a step, (length + 1, lanes)."""
        place = step % self.steps_per_epoch * self._lanes
        starts = self._starts(self.epoch(step))[place : place + self._lanes]
        windows: Ids = self._ids[starts + np.arange(self._length + 1)[:, None]]
        return windows.astype(np.int64, copy=False)

    def _starts(self, epoch: int) -> NDArray[np.int64]:
        """Draw where the sequences of an epoch start: shifted together, in random order."""
        if self._order[0] != epoch:
            generator = np.random.default_rng((self._seed, epoch))
            spare = len(self._ids) - 1 - self._count * self._length
            shift = int(generator.integers(spare + 1))
            self._order = (epoch, shift + self._length * generator.permutation(self._count))
        return self._order[1]
