"""Causal waves against the paper's own arithmetic on prefixes, and their gradients."""

import pytest
import torch
from torch.autograd import gradcheck
from torch.testing import assert_close

from wave_network.ops import Wave, naive
from wave_network.ops.causal import memory, represent_prefix, root, running_sum

TIMES = [1, 2, 5, 16, 37]
times = pytest.mark.parametrize("time", TIMES)


def draw(time, lanes=2, hidden=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(time, lanes, hidden, generator=generator).double()


def keeps(time, restarts=(), seed=1):
    """Shares of the past that remain; 0 where a document begins."""
    generator = torch.Generator().manual_seed(seed)
    keep = 0.5 + 0.5 * torch.rand(time, 2, 3, generator=generator).double()
    for step in restarts:
        keep[step] = 0
    return keep


def step_by_step(values, keep):
    total, sums = torch.zeros_like(values[0]), []
    for value, kept in zip(values, keep, strict=True):
        total = kept * total + value
        sums.append(total)
    return torch.stack(sums)


@times
def test_the_running_sum_in_chunks_is_that_of_single_steps(time):
    values, keep = draw(time), keeps(time, restarts=(time // 2,))
    assert_close(running_sum(values, keep), step_by_step(values, keep), rtol=1e-12, atol=1e-12)


@times
def test_without_decay_the_wave_is_the_papers_of_each_prefix(time):
    """`Z_t = w_t + i C_t` (Fig. 4) of the last token of the text that ends at t."""
    w = draw(time)
    wave = represent_prefix(w, torch.ones_like(w))
    for lane in range(2):
        for end in range(1, time + 1):
            expected = naive.represent(w[:end, lane])[-1]
            real, imag = (part[end - 1, lane] for part in wave)
            if end > 1:  # the polar form has no single token
                assert_close(real, expected.real, rtol=1e-9, atol=1e-9)
                assert_close(imag, expected.imag, rtol=1e-7, atol=1e-7)
            else:
                assert imag.abs().max() == 0


def test_the_global_semantics_of_a_decaying_prefix():
    """`G_t^2 = d G_{t-1}^2 + w_t^2`, and `|Z_t| = G_t`."""
    w, keep = draw(20), keeps(20, restarts=(7,))
    wave = represent_prefix(w, keep)
    energy = step_by_step(w.square(), keep)
    assert_close(wave.real.square() + wave.imag.square(), energy)
    assert wave.imag[7].abs().max() == 0  # a document begins


def test_the_memory_is_the_mean_weighted_by_energy():
    """`S_t = sum_i d w_i^2 v_i / sum_i d w_i^2`, the closed form of the recurrence by phase."""
    w, v, keep = draw(20), draw(20, seed=2), keeps(20, restarts=(0, 7))
    found = memory(represent_prefix(w, keep), v)
    weighted = step_by_step(w.square() * v, keep) / step_by_step(w.square(), keep)
    assert_close(found, weighted)


def test_the_memory_forgets_by_the_phase():
    """`S_t = sin^2(alpha_t) S_{t-1} + cos^2(alpha_t) v_t`."""
    w, v, keep = draw(20), draw(20, seed=2), keeps(20)
    wave = represent_prefix(w, keep)
    phase = torch.atan2(wave.imag, wave.real)
    forgets = step_by_step(phase.cos().square() * v, phase.sin().square())
    assert_close(memory(wave, v), forgets)


def test_a_document_does_not_see_the_one_before():
    w, v, keep = draw(24), draw(24, seed=2), keeps(24, restarts=(10,))
    together = memory(represent_prefix(w, keep), v)[10:]
    alone = memory(represent_prefix(w[10:], keep[10:]), v[10:])
    assert_close(together, alone)


@times
def test_gradients_of_the_running_sum(time):
    values, keep = draw(time).requires_grad_(), keeps(time).requires_grad_()
    assert gradcheck(running_sum, (values, keep))


@pytest.mark.parametrize("restart", [0, 4])
def test_gradients_of_wave_and_memory(restart):
    w, v = draw(7).requires_grad_(), draw(7, seed=2).requires_grad_()
    keep = keeps(7, restarts=(restart,))

    def both(w, v, keep):
        wave = represent_prefix(w, keep)
        return (*wave, memory(wave, v))

    assert gradcheck(both, (w, v, keep))
    away = keeps(7).requires_grad_()
    assert gradcheck(lambda keep: both(w.detach(), v.detach(), keep)[1:], (away,))


def test_singular_points_have_finite_gradients():
    """Zero columns and first tokens: phase 0, context 0, and the shortest subgradient."""
    w = torch.zeros(5, 2, 3, dtype=torch.float64)
    w[2, 0, 0] = 3.0
    w.requires_grad_()
    v = draw(5).requires_grad_()
    wave = represent_prefix(w, torch.ones(5, 2, 3, dtype=torch.float64))
    found = memory(wave, v)
    assert_close(found[:, 1], v[:, 1])  # no energy at all: phase 0, nothing is kept
    assert_close(found[2:, 0, 0], v[2, 0, 0].expand(3))  # the only token with energy
    (found.sum() + wave.imag.sum()).backward()
    assert w.grad.isfinite().all()
    assert v.grad.isfinite().all()


def test_the_root_at_zero():
    values = torch.tensor([0.0, 4.0], requires_grad=True)
    root(values).sum().backward()
    assert values.grad.tolist() == [0.0, 0.25]


def test_a_dominant_token_leaves_the_context_exact():
    w = torch.tensor([1e-3, 1e4, 1e-3]).reshape(3, 1, 1)
    wave = represent_prefix(w, torch.ones(3, 1, 1))
    assert_close(wave.imag.flatten(), torch.tensor([0.0, 1e-3, 1e4]))
    assert isinstance(wave, Wave)
