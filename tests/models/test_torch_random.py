import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from wave_network.config import LocalWaveConfig, ModelConfig
from wave_network.models.registry import build_model
from wave_network.models.tensor_spec import initial_tensors
from wave_network.models.tensors import tensor_specs
from wave_network.models.torch_random import DrawnFrom, Dropout

SMALLEST = {"labels": ("a", "b", "c"), "vocab_size": 11, "cls_token_id": 0, "hidden_size": 4}
CONFIGS = [
    ModelConfig(**SMALLEST, num_layers=2, variants="linear", positions="learned", dropout=0.1),
    LocalWaveConfig(**SMALLEST, bigram_buckets=7, feed_forward_size=5, members=2, linear_size=300),
]
every_config = pytest.mark.parametrize("config", CONFIGS, ids=["wave", "local_wave"])


def generator(seed=3):
    return torch.Generator().manual_seed(seed)


def test_a_seed_gives_the_weights_that_the_global_generator_would():
    torch.manual_seed(5)
    expected = build_model(CONFIGS[0]).state_dict()
    found = build_model(CONFIGS[0], 5).state_dict()
    for name, values in expected.items():
        assert torch.equal(found[name], values), name


@every_config
def test_a_seed_gives_the_same_weights_and_leaves_the_global_generator_alone(config):
    state = torch.get_rng_state()
    first, again = (build_model(config, 5).state_dict() for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    for name, values in first.items():
        assert torch.equal(again[name], values), name


def test_a_local_wave_network_starts_from_the_arrays_of_its_seed():
    found = build_model(CONFIGS[1], 5).state_dict()
    for name, values in initial_tensors(tensor_specs(CONFIGS[1]), 5).items():
        assert np.array_equal(found[name], values), name


@every_config
def test_another_seed_gives_other_weights(config):
    first, second = (build_model(config, seed).input_embedding.weight for seed in (0, 1))
    assert not torch.equal(first, second)


def test_the_generator_is_used_within_the_context_alone():
    with DrawnFrom(generator()):
        first = nn.Linear(3, 2).weight
        second = torch.empty(2, 3).uniform_(-1, 1)
    outside = generator()
    expected = torch.empty(2, 3).uniform_(-(3**-0.5), 3**-0.5, generator=outside)
    torch.testing.assert_close(first.detach(), expected)
    state = torch.get_rng_state()
    assert second.abs().max() <= 1
    nn.Linear(3, 2)
    assert not torch.equal(torch.get_rng_state(), state)


def test_dropout_draws_from_its_generator_what_that_of_torch_draws():
    values = torch.arange(1.0, 101).reshape(20, 5).requires_grad_()
    dropout = Dropout(0.3)
    torch.manual_seed(3)
    expected = dropout(values)
    dropout.draw_from(generator())
    state = torch.get_rng_state()
    found = dropout(values)
    assert torch.equal(found, expected)
    assert torch.equal(torch.get_rng_state(), state)
    kept = found.detach() != 0
    torch.testing.assert_close(found[kept], values[kept] / 0.7)
    assert 0.5 < kept.float().mean() < 0.9
    (gradient,) = torch.autograd.grad(found.sum(), values)
    assert torch.equal(gradient * values, found)


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_dropout_changes_nothing_outside_training(rate):
    values, dropout = torch.ones(4, 3), Dropout(rate)
    dropout.draw_from(generator())
    assert dropout.eval()(values) is values


def test_a_network_that_draws_its_dropout_can_be_copied_and_pickled():
    model = build_model(CONFIGS[0], 0)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        for name, values in model.state_dict().items():
            assert torch.equal(other.state_dict()[name], values), name
