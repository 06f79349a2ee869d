"""The masked Wave LM: torch against NumPy, and what each token sees."""

from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from wave_lm_networks import logits_of, random_document, random_networks, variations

START = 298  # 299 hides a token

document = partial(random_document, start=START)
build = partial(random_networks, objective="masked")


@pytest.mark.parametrize("tokens", [1, 2, 3, 40])
@variations
def test_numpy_equals_torch(options, tokens):
    network, steps = build(**options)
    lanes = np.stack([document(tokens, seed=seed) for seed in range(3)], axis=1)
    wanted = np.random.default_rng(1).random(lanes.shape) < 0.5
    with torch.no_grad():
        expected = network(torch.from_numpy(lanes), torch.from_numpy(wanted)).numpy()
        every = network(torch.from_numpy(lanes)).numpy()
    assert_allclose(steps.logits(lanes, wanted), expected, rtol=0, atol=1e-5)
    assert_allclose(every[wanted], expected, rtol=0, atol=1e-6)


@variations
def test_packed_documents_do_not_see_each_other(options):
    network, _ = build(**options)
    first, second = document(23), document(31, seed=1)
    packed = logits_of(network, np.concatenate([first, second]))
    assert_allclose(packed[:23], logits_of(network, first), rtol=0, atol=1e-5)
    assert_allclose(packed[23:], logits_of(network, second), rtol=0, atol=1e-5)


@pytest.mark.parametrize("place", [1, 39])
def test_a_token_sees_both_sides(place):
    network, _ = build()
    ids = document(40)
    changed = ids.copy()
    changed[place] = (changed[place] + 1) % START
    assert (logits_of(network, ids)[20] != logits_of(network, changed)[20]).any()


def test_gradients_reach_every_tensor():
    network, _ = build()
    network(torch.from_numpy(document(40))[:, None]).logsumexp(dim=2).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name
