from itertools import islice

import pytest
import torch
from torch.testing import assert_close

from wave_network.baselines.language_models import GRU_SIZES, GRULM, TransformerLM
from wave_network.config.wave_lm import SIZES, Size

SMALL = Size(300, hidden_size=8, num_layers=2, feed_forward_size=16)


@pytest.mark.parametrize("name", SIZES)
def test_they_have_as_many_parameters_as_the_wave_lm(name):
    size, wanted = SIZES[name], {"200k": 2e5, "1m": 1e6, "5m": 5e6}[name]
    gru = GRULM(size.pieces + 1, size, GRU_SIZES[name], 0)
    transformer = TransformerLM(size.pieces + 1, size, 256, 0)
    for network in (gru, transformer):
        assert sum(p.numel() for p in network.parameters()) == pytest.approx(wanted, rel=0.12)


@pytest.mark.parametrize(
    "network",
    [GRULM(301, SMALL, 12, 0), TransformerLM(301, SMALL, 32, 0)],
    ids=["gru", "transformer"],
)
def test_no_token_sees_a_later_one(network):
    ids = torch.randint(0, 300, (20, 2), generator=torch.Generator().manual_seed(0))
    changed = ids.clone()
    changed[12:] = (changed[12:] + 1) % 300
    with torch.no_grad():
        assert_close(network(ids)[:12], network(changed)[:12])
        assert not torch.allclose(network(ids)[12:], network(changed)[12:])


def test_the_transformers_cache_gives_what_it_computes_at_once():
    network = TransformerLM(301, SMALL, 32, 0)
    stepped = torch.stack([*islice(network.steps(32, 0), 10)])
    ids = torch.cat([torch.zeros(1, dtype=torch.int64), stepped[:-1].argmax(dim=1)])
    with torch.no_grad():
        assert_close(stepped, network(ids[:, None])[:, 0], atol=1e-5, rtol=0)


def test_a_seed_leaves_torchs_generator_alone():
    before = torch.random.get_rng_state()
    first, second = GRULM(301, SMALL, 12, 3), GRULM(301, SMALL, 12, 3)
    assert (first.embedding.weight == second.embedding.weight).all()
    assert (torch.random.get_rng_state() == before).all()
