"""Initialise the token embeddings of a local wave network from vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wave_network.config import LocalWaveConfig
from wave_network.models.tensor_spec import Tensors


def start_size(config: LocalWaveConfig) -> int:
    """Return the maximum number of columns that `start_at` accepts: those of a variant."""
    return config.members * config.hidden_size


def start_at(tensors: Tensors, vectors: NDArray[np.float32], config: LocalWaveConfig) -> None:
    """Initialise both variants of the tokens from vectors, scaled to `initializer_range`.

    Args:
        tensors: The model's tensors; the token table is changed in place.
        vectors: (vocabulary, at most `start_size`). Rows of zeros and missing columns keep their
            random values.
        config: The model's configuration.
    """
    known = np.flatnonzero(vectors.any(axis=1))
    if not len(known):  # too few texts to compute any
        return
    start = vectors[known]
    start *= np.float32(config.initializer_range / np.sqrt(np.square(start).mean()))
    table = tensors["embedding.weight"]
    for first in (0, start_size(config)):
        table[known, first : first + start.shape[1]] = start
