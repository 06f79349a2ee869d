"""Small Wave LMs with random weights, in torch and NumPy, and documents for them."""

from itertools import product

import numpy as np
import pytest
import torch

from wave_network.config.wave_lm import WaveLMConfig
from wave_network.models.wave_lm.network import WaveLM
from wave_network.runtime.bits import build_network

OPTIONS = [
    {"operation": operation, "context": context, "decay": decay, "local_tokens": tokens}
    for operation, context, (decay, tokens) in product(
        ("modulation", "interference"), ("memory", "norm"), ((True, 2), (False, 0))
    )
]

variations = pytest.mark.parametrize(
    "options", OPTIONS, ids=lambda options: "-".join(map(str, options.values()))
)


def random_networks(seed=0, **options):
    """A network in torch, and the same in NumPy."""
    shape = {"vocab_size": 300, "hidden_size": 16, "num_layers": 2, "feed_forward_size": 24}
    config = WaveLMConfig(**{**shape, **options})
    network = WaveLM(config, seed)
    tensors = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    return network, build_network(config, tensors)


def random_document(tokens, start, seed=0):
    """Ids of a document, which begins with the id `start`; all others are below it."""
    ids = np.random.default_rng(seed).integers(0, start, tokens)
    ids[0] = start
    return ids


def logits_of(network, ids):
    """The logits of a network in torch for one lane, (tokens, vocabulary)."""
    with torch.no_grad():
        return network(torch.from_numpy(ids)[:, None])[:, 0].numpy()
