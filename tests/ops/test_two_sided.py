"""Waves of both sides against sums written out, the paper's own arithmetic, and differences."""

import pytest
import torch
from torch.autograd import gradcheck
from torch.testing import assert_close

from wave_network.ops import naive
from wave_network.ops.two_sided import memory_of_others, represent_two_sided, sum_of_others


def draw(time, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(time, 2, 3, generator=generator).double()


def keeps(time, restarts=()):
    keep = 0.5 + 0.5 * torch.rand(time, 2, 3, generator=torch.Generator().manual_seed(1)).double()
    for step in restarts:
        keep[step] = 0
    return keep


def written_out(values, keep):
    """`sum_{i != t} d_{it} values_i`, with the product of `keep` between the two."""
    time = len(values)
    result = torch.zeros_like(values)
    for t in range(time):
        for i in range(time):
            if i != t:
                first, last = min(i, t), max(i, t)
                result[t] += keep[first + 1 : last + 1].prod(dim=0) * values[i]
    return result


@pytest.mark.parametrize("time", [1, 2, 5, 16, 23])
def test_the_sum_of_the_others(time):
    values, keep = draw(time), keeps(time, restarts=(time // 2,))
    found = sum_of_others(values, keep)
    assert_close(found, written_out(values, keep), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("time", [2, 5, 37])
def test_without_decay_the_wave_is_the_papers_of_the_whole_text(time):
    """`Z_t = w_t + i C_t` (Fig. 4) with the global semantics of the text."""
    w = draw(time)
    wave = represent_two_sided(w, torch.ones_like(w))
    for lane in range(2):
        expected = naive.represent(w[:, lane])
        assert_close(wave.real[:, lane], expected.real, rtol=1e-9, atol=1e-9)
        assert_close(wave.imag[:, lane], expected.imag, rtol=1e-7, atol=1e-7)


def test_the_memory_is_the_mean_of_the_others_weighted_by_energy():
    """`S_t = sum_{i != t} d_{it} w_i^2 v_i / C_t^2`."""
    w, v, keep = draw(20), draw(20, seed=2), keeps(20, restarts=(7,))
    found = memory_of_others(represent_two_sided(w, keep), v, keep)
    weighted = written_out(w.square() * v, keep) / written_out(w.square(), keep)
    assert_close(found, weighted)


def test_documents_do_not_see_each_other():
    w, v, keep = draw(24), draw(24, seed=2), keeps(24, restarts=(0, 10))
    together = memory_of_others(represent_two_sided(w, keep), v, keep)
    for part in (slice(0, 10), slice(10, 24)):
        alone = memory_of_others(represent_two_sided(w[part], keep[part]), v[part], keep[part])
        assert_close(together[part], alone)


@pytest.mark.parametrize("restart", [0, 4])
def test_gradients(restart):
    w, v = draw(7).requires_grad_(), draw(7, seed=2).requires_grad_()

    def both(w, v, keep):
        wave = represent_two_sided(w, keep)
        return (*wave, memory_of_others(wave, v, keep))

    assert gradcheck(both, (w, v, keeps(7, restarts=(restart,))))
    away = keeps(7).requires_grad_()
    assert gradcheck(lambda keep: both(w.detach(), v.detach(), keep)[1:], (away,))


def test_a_token_alone_has_no_context_and_finite_gradients():
    w, v = draw(1).requires_grad_(), draw(1, seed=2).requires_grad_()
    keep = torch.ones(1, 2, 3, dtype=torch.float64)
    wave = represent_two_sided(w, keep)
    found = memory_of_others(wave, v, keep)
    assert wave.imag.abs().max() == found.abs().max() == 0
    (wave.imag.sum() + found.sum()).backward()
    assert w.grad.abs().max() == v.grad.abs().max() == 0
