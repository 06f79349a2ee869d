"""The Wave LM: the parallel form in torch against the step form in NumPy."""

from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from wave_lm_networks import OPTIONS, logits_of, random_document, random_networks, variations

from wave_network.config.wave_lm import SIZES
from wave_network.errors import ConfigError
from wave_network.models.wave_lm.tensors import tensor_specs

START = 299
document = partial(random_document, start=START)


@variations
def test_steps_equal_the_parallel_form(options):
    network, steps = random_networks(**options)
    ids = document(70)
    state = steps.initial_state()
    one_by_one = np.concatenate([steps.logits(ids[[place]], state) for place in range(len(ids))])
    assert_allclose(one_by_one, logits_of(network, ids), rtol=0, atol=1e-5)
    state = steps.initial_state()
    in_parts = [steps.logits(part, state) for part in np.split(ids, [1, 2, 40])]
    assert_allclose(np.concatenate(in_parts), one_by_one, rtol=0, atol=1e-5)


@variations
def test_packed_documents_do_not_see_each_other(options):
    network, _ = random_networks(**options)
    first, second = document(23), document(31, seed=1)
    packed = logits_of(network, np.concatenate([first, second]))
    assert_allclose(packed[:23], logits_of(network, first), rtol=0, atol=1e-5)
    assert_allclose(packed[23:], logits_of(network, second), rtol=0, atol=1e-5)


def test_lanes_do_not_see_each_other():
    network, _ = random_networks()
    ids = torch.from_numpy(np.stack([document(30), document(30, seed=1)], axis=1))
    with torch.no_grad():
        both = network(ids)
        for lane in range(2):
            torch.testing.assert_close(both[:, lane], network(ids[:, [lane]])[:, 0])


def test_no_token_sees_a_later_one():
    network, _ = random_networks()
    ids = document(30)
    changed = ids.copy()
    changed[20:] = (changed[20:] + 1) % START
    same = logits_of(network, ids)[:20] == logits_of(network, changed)[:20]
    assert same.all()
    assert (logits_of(network, ids)[20:] != logits_of(network, changed)[20:]).any()


def test_a_token_sees_far_back():
    network, _ = random_networks()
    ids = document(60)
    changed = ids.copy()
    changed[1] = (changed[1] + 1) % START
    assert (logits_of(network, ids)[-1] != logits_of(network, changed)[-1]).any()


@pytest.mark.parametrize("options", OPTIONS[:2], ids=["memory", "without decay"])
def test_the_state_does_not_grow(options):
    _, steps = random_networks(**options)
    state = steps.initial_state()
    size = state.size_bytes
    assert size == 4 * steps.config.state_size
    for place in range(0, 3_000, 500):
        steps.logits(document(500, seed=place), state)
        assert state.size_bytes == size
        assert all(np.isfinite(array).all() for array in vars(state).values())


def test_gradients_reach_every_tensor():
    network, _ = random_networks()
    ids = torch.from_numpy(document(40))[:, None]
    network(ids).logsumexp(dim=2).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


def test_gradients_of_the_whole_network_are_exact():
    network, _ = random_networks(hidden_size=3, num_layers=1, feed_forward_size=4)
    network.double()
    ids = torch.from_numpy(document(9))[:, None]

    def of_variants(weight):
        tensors = {"layers.0.variants.weight": weight}
        return torch.func.functional_call(network, tensors, ids).logsumexp(dim=2)

    weight = network.layers[0].variants.weight.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(of_variants, (weight,))


@pytest.mark.parametrize("name", SIZES)
def test_the_sizes_have_about_as_many_parameters_as_they_say(name):
    size = SIZES[name]
    specs = tensor_specs(size.shape(size.pieces + 1))
    count = sum(np.prod(spec.shape) for spec in specs)
    assert count == pytest.approx({"200k": 2e5, "1m": 1e6, "5m": 5e6}[name], rel=0.1)


def test_a_seed_gives_the_same_weights_and_leaves_torchs_generator_alone():
    before = torch.random.get_rng_state()
    first, second, other = (random_networks(seed)[0].state_dict() for seed in (0, 0, 1))
    assert all((first[name] == second[name]).all() for name in first)
    assert (first["embedding.weight"] != other["embedding.weight"]).any()
    assert (torch.random.get_rng_state() == before).all()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("hidden_size", 0, "at least 1"),
        ("vocab_size", 256, "between 257 and 65536"),
        ("num_layers", 10**6, "between 1 and 1000"),
        ("local_tokens", -1, "between 0 and 16"),
        ("operation", "addition", "one of modulation, interference"),
        ("context", "phase", "one of memory, norm"),
        ("decay", "yes", "one of False, True"),
        ("feed_forward_size", 2**30, "limit"),
    ],
)
def test_a_wrong_configuration_is_refused(field, value, said):
    with pytest.raises(ConfigError, match=said):
        random_networks(**{field: value})
