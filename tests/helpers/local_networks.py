"""Local wave networks of random weights, and texts for them."""

from functools import cache
from itertools import product

import numpy as np
import pytest
from random_tensors import random_tensors

from wave_network.config import LocalWaveConfig

VOCABULARY, HIDDEN = 40, 6
SHAPES = list(product(("modulation", "interference"), (1, 3)))
IDS = np.array([0, 5, 9, 5, 0, 7, 0, 0, 3, 3, 3, 39, 38], dtype=np.int32)
OFFSETS = np.array([0, 4, 6, 7, 13])

NGRAMS = [("pair",), ("pair", "skip-pair"), ("pair", "triple"), ("pair", "skip-pair", "triple")]

every_shape = pytest.mark.parametrize(("operation", "members"), SHAPES)
every_ngrams = pytest.mark.parametrize("ngrams", NGRAMS, ids="+".join)


@cache
def make_weights(operation, members, scale=0.5, linear_size=0, ngrams=("pair",), sparse=0):
    """A configuration and random tensors of a trained model's size."""
    config = LocalWaveConfig(
        labels=("a", "b", "c"),
        vocab_size=VOCABULARY,
        cls_token_id=0,
        operation=operation,
        members=members,
        hidden_size=HIDDEN,
        bigram_buckets=53,
        bigram_size=3,
        feed_forward_size=10,
        initializer_range=scale,
        linear_size=linear_size,
        linear_ngrams=ngrams,
        sparse_linear_size=sparse,
    )
    return config, random_tensors(config, scale, seed=members)
