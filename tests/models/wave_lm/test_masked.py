"""The masked Wave LM: torch against NumPy, and what each token sees."""

from itertools import product

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from wave_network.config.wave_lm import WaveLMConfig
from wave_network.models.wave_lm.network import WaveLM
from wave_network.models.wave_lm.numpy_masked import NumpyMaskedLM

START, MASK = 298, 299
OPTIONS = [
    {"operation": operation, "context": context, "decay": decay, "local_tokens": tokens}
    for operation, context, (decay, tokens) in product(
        ("modulation", "interference"), ("memory", "norm"), ((True, 2), (False, 0))
    )
]


def build(**options):
    shape = {"vocab_size": 300, "hidden_size": 16, "num_layers": 2, "feed_forward_size": 24}
    config = WaveLMConfig(**{**shape, "objective": "masked", **options})
    network = WaveLM(config, 0)
    tensors = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    return network, NumpyMaskedLM(config, tensors)


def document(tokens, seed=0):
    ids = np.random.default_rng(seed).integers(0, START, tokens)
    ids[0] = START
    return ids


def logits(network, ids):
    with torch.no_grad():
        return network(torch.from_numpy(ids)[:, None])[:, 0].numpy()


@pytest.mark.parametrize("tokens", [1, 2, 3, 40])
@pytest.mark.parametrize(
    "options", OPTIONS, ids=lambda options: "-".join(map(str, options.values()))
)
def test_numpy_equals_torch(options, tokens):
    network, steps = build(**options)
    lanes = np.stack([document(tokens, seed) for seed in range(3)], axis=1)
    wanted = np.random.default_rng(1).random(lanes.shape) < 0.5
    with torch.no_grad():
        expected = network(torch.from_numpy(lanes), torch.from_numpy(wanted)).numpy()
        every = network(torch.from_numpy(lanes)).numpy()
    assert_allclose(steps.logits(lanes, wanted), expected, rtol=0, atol=1e-5)
    assert_allclose(every[wanted], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "options", OPTIONS, ids=lambda options: "-".join(map(str, options.values()))
)
def test_packed_documents_do_not_see_each_other(options):
    network, _ = build(**options)
    first, second = document(23), document(31, seed=1)
    packed = logits(network, np.concatenate([first, second]))
    assert_allclose(packed[:23], logits(network, first), rtol=0, atol=1e-5)
    assert_allclose(packed[23:], logits(network, second), rtol=0, atol=1e-5)


@pytest.mark.parametrize("place", [1, 39])
def test_a_token_sees_both_sides(place):
    network, _ = build()
    ids = document(40)
    changed = ids.copy()
    changed[place] = (changed[place] + 1) % START
    assert (logits(network, ids)[20] != logits(network, changed)[20]).any()


def test_gradients_reach_every_tensor():
    network, _ = build()
    network(torch.from_numpy(document(40))[:, None]).logsumexp(dim=2).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name
