"""What holds for every text, whatever its values."""

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from wave_network import ops

repeatable = settings(derandomize=True, max_examples=60, deadline=None)
# Zero, or of a size whose square is well within float64.
numbers = st.one_of(st.just(0.0), st.floats(1e-3, 1e3), st.floats(-1e3, -1e-3))


@st.composite
def batches(draw, variants=1):
    """So many tensors of one packed batch, and its offsets."""
    lengths = draw(st.lists(st.integers(1, 6), min_size=1, max_size=3))
    hidden = draw(st.integers(1, 3))
    size = sum(lengths) * hidden
    values = [draw(st.lists(numbers, min_size=size, max_size=size)) for _ in range(variants)]
    tensors = [torch.tensor(x, dtype=torch.float64).view(-1, hidden) for x in values]
    return *tensors, torch.tensor([0, *lengths]).cumsum(0)


def norm_per_token(w, offsets):
    return ops.global_semantics(w, offsets).repeat_interleave(offsets.diff(), dim=0)


@repeatable
@given(batches())
def test_real_part_is_the_token_and_magnitude_is_g(batch):
    w, offsets = batch
    wave = ops.represent(w, offsets)
    assert torch.equal(wave.real, w)
    assert (wave.imag >= 0).all()
    assert_close(ops.magnitude(wave), norm_per_token(w, offsets), rtol=1e-12, atol=0)


@repeatable
@given(batches())
def test_g_is_at_least_every_token(batch):
    w, offsets = batch
    assert (norm_per_token(w, offsets) * (1 + 1e-15) >= w.abs()).all()


@repeatable
@given(batches())
def test_phase_lies_between_0_and_pi_and_rebuilds_the_wave(batch):
    w, offsets = batch
    wave = ops.represent(w, offsets)
    norm, phase = norm_per_token(w, offsets), ops.phase(wave)
    assert ((phase >= 0) & (phase <= math.pi)).all()
    limit = 1e-14 * (1 + norm.max().item())
    assert_close(norm * phase.cos(), wave.real, rtol=0, atol=limit)
    assert_close(norm * phase.sin(), wave.imag, rtol=0, atol=limit)


@repeatable
@given(batches(variants=2))
def test_modulation_multiplies_magnitudes_and_adds_phases(batch):
    u, v, offsets = batch
    first, second = ops.represent(u, offsets), ops.represent(v, offsets)
    wave = ops.modulate(first, second)
    product = norm_per_token(u, offsets) * norm_per_token(v, offsets)
    assert_close(ops.magnitude(wave), product, rtol=1e-12, atol=0)
    angle = ops.phase(first) + ops.phase(second)
    limit = 1e-14 * (1 + product.max().item())
    assert_close(wave.real, product * angle.cos(), rtol=0, atol=limit)
    assert_close(wave.imag, product * angle.sin(), rtol=0, atol=limit)


@repeatable
@given(batches(variants=2))
def test_interference_term_of_equation_5(batch):
    u, v, offsets = batch
    first, second = ops.represent(u, offsets), ops.represent(v, offsets)
    total = ops.magnitude(ops.interfere(first, second)).square()
    term = ops.interference_term(first, second)
    energies = norm_per_token(u, offsets).square() + norm_per_token(v, offsets).square()
    limit = 1e-13 * (1 + energies.max().item())
    assert_close(total, energies + term, rtol=0, atol=limit)
    angle = ops.phase(first) - ops.phase(second)
    product = norm_per_token(u, offsets) * norm_per_token(v, offsets)
    assert_close(term, 2 * product * angle.cos(), rtol=0, atol=limit)


@repeatable
@given(batches(variants=2))
def test_contexts_never_cancel(batch):
    u, v, offsets = batch
    first, second = ops.represent(u, offsets), ops.represent(v, offsets)
    size = ops.magnitude(ops.interfere(first, second))
    assert (size * (1 + 1e-14) >= first.imag + second.imag).all()


@repeatable
@given(batches())
def test_gradient_rows_of_a_token_are_orthonormal(batch):
    w, offsets = batch
    w.requires_grad_()
    wave = ops.represent(w * 1, offsets)
    for token in range(len(w)):
        own = torch.zeros_like(w).index_fill_(0, torch.tensor(token), 1.0)
        (real_row,) = torch.autograd.grad(wave.real, w, own, retain_graph=True)
        (imag_row,) = torch.autograd.grad(wave.imag, w, own, retain_graph=True)
        assert torch.equal(real_row, own)
        assert torch.equal(imag_row[token], torch.zeros_like(imag_row[token]))
        has_context = (wave.imag[token] > 0).double()  # 0 by convention where there is none
        assert_close(imag_row.square().sum(0), has_context, rtol=1e-12, atol=0)


@repeatable
@given(batches(), st.floats(-2, 2), st.floats(-2, 2))
def test_gradient_energy_of_first_tokens_is_conserved(batch, a, b):
    """`[CLS]` receives a^2, the other tokens share b^2 in proportion to their energies."""
    w, offsets = batch
    w.requires_grad_()
    real, imag = ops.represent_first(w, offsets)
    weights = [torch.full_like(real, a), torch.full_like(imag, b)]
    (grad,) = torch.autograd.grad([real, imag], w, weights)
    expected = a**2 + b**2 * (imag > 0).double()
    assert_close(ops.segment_sum(grad.square(), offsets), expected, rtol=1e-10, atol=1e-12)
    assert_close(grad[offsets[:-1]], weights[0])
    context = imag.repeat_interleave(offsets.diff(), dim=0)
    shares = (b * w / context).square()  # of the tokens other than [CLS]
    shares[offsets[:-1]] = a**2
    assert_close(grad[context > 0].square(), shares[context > 0])


@repeatable
@given(batches(variants=2), st.floats(-2, 2), st.floats(-2, 2))
def test_gradient_energy_through_modulation_scales_with_the_other_variant(batch, a, b):
    u, v, offsets = batch
    u.requires_grad_(), v.requires_grad_()
    first, second = ops.represent_first(u, offsets), ops.represent_first(v, offsets)
    wave = ops.modulate(first, second)
    weights = [
        torch.full_like(part, float(value)) for part, value in zip(wave, (a, b), strict=True)
    ]
    for x, own, other in ((u, first, v), (v, second, u)):
        (grad,) = torch.autograd.grad(wave, x, weights, retain_graph=True)
        scale = ops.global_semantics(other, offsets).square()
        energy = ops.segment_sum(grad.square(), offsets)
        both = own.imag > 0  # elsewhere the imaginary path has no derivative
        assert_close(energy[both], (scale * (a**2 + b**2))[both], rtol=1e-10, atol=1e-7)


@repeatable
@given(batches())
def test_the_context_gradient_never_explodes(batch):
    w, offsets = batch
    w.requires_grad_()
    first = ops.represent_first(w, offsets)
    (grad,) = torch.autograd.grad(first.imag.sum(), w)
    assert (grad.abs() <= 1 + 1e-12).all()
    assert (grad * w >= 0).all()  # it stretches or shrinks a token, and cannot flip it
    assert torch.equal(grad[w == 0], torch.zeros_like(grad[w == 0]))


@repeatable
@given(batches(), st.randoms(use_true_random=False))
def test_token_order_does_not_matter_without_positions(batch, random):
    w, _ = batch
    offsets = torch.tensor([0, len(w)])
    order = torch.tensor(random.sample(range(len(w)), len(w)))
    before, after = ops.represent(w, offsets), ops.represent(w[order], offsets)
    assert_close(after.imag, before.imag[order], rtol=1e-12, atol=0)
    rest = torch.cat([order.new_zeros(1), order[order != 0]])
    assert_close(ops.represent_first(w, offsets), ops.represent_first(w[rest], offsets))


@repeatable
@given(batches(variants=2))
def test_dimensions_never_mix(batch):
    u, v, offsets = batch
    wave = ops.modulate(ops.represent(u, offsets), ops.represent(v, offsets))
    for column in range(u.shape[1]):
        pick = slice(column, column + 1)
        alone = ops.modulate(ops.represent(u[:, pick], offsets), ops.represent(v[:, pick], offsets))
        assert_close(alone.real, wave.real[:, pick], rtol=1e-12, atol=0)
        assert_close(alone.imag, wave.imag[:, pick], rtol=1e-12, atol=0)
