"""The closed real forms against the paper's own arithmetic, values and gradients."""

import pytest
import torch
from torch.testing import assert_close

from wave_network import ops
from wave_network.ops import Wave, naive, packed

LENGTHS = [2, 3, 7, 63]
HIDDEN = [1, 5, 60]
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}

dtypes = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
widths = pytest.mark.parametrize("hidden", HIDDEN)
operations = pytest.mark.parametrize("name", ["interfere", "modulate"])


def batch(hidden, lengths=LENGTHS, seed=0):
    """Values that float32 holds exactly, so that both precisions see the same input."""
    offsets = torch.tensor([0, *lengths]).cumsum(0)
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(int(offsets[-1]), hidden, generator=generator).double(), offsets


def assert_near(actual, expected, dtype, scale=None):
    """Within the promised tolerance, relative to the largest entry expected (or of `scale`)."""
    assert actual.dtype == dtype
    limit = TOLERANCE[dtype] * (expected if scale is None else scale).abs().max().item()
    assert_close(actual.double(), expected, rtol=0, atol=limit)


def by_text(function, *tensors, lengths=LENGTHS):
    """Apply a function of one text to every text of a batch."""
    split = (tensor.split(lengths) for tensor in tensors)
    return torch.cat([function(*texts) for texts in zip(*split, strict=True)])


@pytest.fixture(autouse=True, params=[64, 2**30], ids=["many blocks", "one block"])
def _blocks(request, monkeypatch):
    monkeypatch.setattr(packed, "_BLOCK_ELEMENTS", request.param)


@dtypes
@widths
def test_global_semantics_section_3_1_1(dtype, hidden):
    w, offsets = batch(hidden)
    expected = torch.stack([naive.global_semantics(text) for text in w.split(LENGTHS)])
    assert_near(ops.global_semantics(w.to(dtype), offsets), expected, dtype)


@dtypes
@widths
def test_phase_section_3_1_2(dtype, hidden):
    w, offsets = batch(hidden)
    actual = ops.phase(ops.represent(w.to(dtype), offsets))
    assert_near(actual, by_text(naive.phase, w), dtype)


@dtypes
@widths
@pytest.mark.parametrize("lengths", [LENGTHS, [1], [1, 1, 4, 1]])
def test_representation_figure_4(dtype, hidden, lengths):
    w, offsets = batch(hidden, lengths)
    wave = ops.represent(w.to(dtype), offsets)
    expected = by_text(naive.represent, w, lengths=lengths)
    assert torch.equal(wave.real, w.to(dtype))
    assert_near(wave.imag, expected.imag, dtype, scale=expected)
    assert_near(wave.real, expected.real, dtype, scale=expected)


@dtypes
@widths
def test_interference_equations_3_and_4(dtype, hidden):
    check_operation("interfere", dtype, hidden)


@dtypes
@widths
def test_modulation_equations_6_and_7(dtype, hidden):
    check_operation("modulate", dtype, hidden)


def check_operation(name, dtype, hidden):
    (u, offsets), (v, _) = batch(hidden), batch(hidden, seed=1)
    expected = getattr(naive, name)(by_text(naive.represent, u), by_text(naive.represent, v))
    waves = (ops.represent(x.to(dtype), offsets) for x in (u, v))
    wave = getattr(ops, name)(*waves)
    assert_near(wave.real, expected.real, dtype)
    assert_near(wave.imag, expected.imag, dtype)
    assert_near(ops.magnitude(wave), expected.abs(), dtype)


@dtypes
@widths
def test_interference_term_equation_5(dtype, hidden):
    (u, offsets), (v, _) = batch(hidden), batch(hidden, seed=1)
    expected = naive.interference_term(by_text(naive.represent, u), by_text(naive.represent, v))
    waves = (ops.represent(x.to(dtype), offsets) for x in (u, v))
    assert_near(ops.interference_term(*waves), expected, dtype)


@dtypes
@widths
def test_gradient_of_the_representation(dtype, hidden):
    w, offsets = batch(hidden)
    weights = [batch(hidden, seed=seed)[0] for seed in (1, 2)]

    exact = w.clone().requires_grad_()
    expected = by_text(naive.represent, exact)
    torch.autograd.backward([expected.real, expected.imag], weights)

    fast = w.to(dtype).requires_grad_()
    wave = ops.represent(fast * 1, offsets)
    torch.autograd.backward(wave, [weight.to(dtype) for weight in weights])
    assert_near(fast.grad, exact.grad, dtype)


@dtypes
@widths
@operations
def test_gradients_of_both_variants(dtype, hidden, name):
    (u, offsets), (v, _) = batch(hidden), batch(hidden, seed=1)
    weights = [batch(hidden, seed=seed)[0] for seed in (2, 3)]

    exact = [x.clone().requires_grad_() for x in (u, v)]
    expected = getattr(naive, name)(*(by_text(naive.represent, x) for x in exact))
    torch.autograd.backward([expected.real, expected.imag], weights)

    fast = [x.to(dtype).requires_grad_() for x in (u, v)]
    wave = getattr(ops, name)(*(ops.represent(x, offsets) for x in fast))
    torch.autograd.backward(wave, [weight.to(dtype) for weight in weights])
    for actual, reference in zip(fast, exact, strict=True):
        assert_near(actual.grad, reference.grad, dtype)


@dtypes
@widths
def test_first_tokens_are_those_of_the_whole_representation(dtype, hidden):
    w, offsets = batch(hidden, [1, *LENGTHS])
    whole = w.to(dtype).requires_grad_()
    first = w.to(dtype).requires_grad_()
    expected = Wave(*(part[offsets[:-1]] for part in ops.represent(whole, offsets)))
    actual = ops.represent_first(first, offsets)
    weights = [batch(hidden, [5], seed=seed)[0].to(dtype) for seed in (1, 2)]
    torch.autograd.backward(expected, weights)
    torch.autograd.backward(actual, weights)
    assert torch.equal(actual.real, expected.real)
    assert_near(actual.imag, expected.imag.detach().double(), dtype)
    assert_near(first.grad, whole.grad.double(), dtype)


@pytest.mark.parametrize("function", [ops.represent, ops.represent_first, ops.global_semantics])
def test_finite_differences(function):
    w, offsets = batch(3, [2, 5, 3])
    assert torch.autograd.gradcheck(lambda x: function(x, offsets), w.requires_grad_())


def test_finite_differences_of_the_magnitude():
    parts = [batch(3, [4], seed=seed)[0].requires_grad_() for seed in (0, 1)]
    assert torch.autograd.gradcheck(lambda *wave: ops.magnitude(Wave(*wave)), parts)


@operations
def test_sentence_and_text_level_figure_6a(name):
    """One variant's waves by sentence, the other's by text, from the same functions."""
    u, texts = batch(4, [5, 3])
    v, _ = batch(4, [5, 3], seed=1)
    sentences = torch.tensor([0, 2, 5, 6, 8])  # (2, 3) tokens in the first text, (1, 2) in the next
    actual = getattr(ops, name)(ops.represent(u, sentences), ops.represent(v, texts))
    expected = getattr(naive, name)(
        by_text(naive.represent, u, lengths=[2, 3, 1, 2]),
        by_text(naive.represent, v, lengths=[5, 3]),
    )
    assert_close(torch.complex(*actual), expected)


def test_a_wave_does_not_depend_on_its_batch():
    w, offsets = batch(7)
    w = w.float()
    whole = ops.represent(w, offsets)
    alone = [ops.represent(text, torch.tensor([0, len(text)])).imag for text in w.split(LENGTHS)]
    assert torch.equal(torch.cat(alone), whole.imag)


def test_the_package_offers_what_it_names():
    assert ops.__all__ == sorted(ops.__all__)
    assert all(hasattr(ops, name) for name in ops.__all__)
