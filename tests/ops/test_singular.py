"""Where the common codings give NaN or false gradients: ours are finite and exact.

The expected values come from float64 loops that leave the token out by deleting its row, with the
gradient formula `a_i + w_i sum_{j != i} b_j / C_j`, in which `b_j / C_j` is 0 where `C_j` is 0.
"""

import pytest
import torch
from torch.testing import assert_close

from wave_network import ops
from wave_network.ops import Wave


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def zero_column():
    w = normal(6, 4)
    w[:, 1] = 0
    return w


def only_row(value):
    w = normal(6, 4)
    w[:, 2] = 0
    w[3, 2] = value
    return w


def dominant(ratio):
    w = normal(40, 5)
    w[7] *= ratio
    return w


CASES = {
    "single token": normal(1, 5),
    "single zero token": torch.zeros(1, 3),
    "zero column": zero_column(),
    "zero text": torch.zeros(4, 3),
    "w = G: one non-zero row": only_row(1.7),
    "w = -G: one non-zero row": only_row(-1.7),
    "one token 1e4 times larger": dominant(1e4),
    "one token 1e6 times larger": dominant(1e6),
    "one token 1e8 times larger": dominant(1e8),
    "one token 1e4 times smaller": dominant(1e-4),
    "two equal tokens": normal(1, 4).repeat(2, 1),
    "two tokens, one dominant": torch.tensor([[1e4, -1e-3], [1.0, 2e3]]),
}
cases = pytest.mark.parametrize("w", CASES.values(), ids=CASES.keys())
precisions = pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)]
)


def exact_context(w):
    others = [torch.cat([w[:row], w[row + 1 :]]) for row in range(len(w))]
    return torch.stack([rest.square().sum(0).sqrt() for rest in others])


def exact_gradient(w, grad_real, grad_imag):
    ratio = grad_imag / exact_context(w)
    ratio[exact_context(w) == 0] = 0
    sums = [torch.cat([ratio[:row], ratio[row + 1 :]]).sum(0) for row in range(len(w))]
    return grad_real + w * torch.stack(sums)


def upstream(shape):
    return normal(*shape, seed=1).double(), normal(*shape, seed=2).double()


def offsets_of(w):
    return torch.tensor([0, len(w)])


def assert_near(actual, expected, tolerance):
    assert torch.isfinite(actual).all()
    assert_close(actual.double(), expected, rtol=tolerance, atol=tolerance)


@cases
@precisions
def test_representation(w, dtype, tolerance):
    wave = ops.represent(w.to(dtype), offsets_of(w))
    assert torch.equal(wave.real, w.to(dtype))
    assert_near(wave.imag, exact_context(w.double()), tolerance)
    assert torch.equal(wave.imag == 0, exact_context(w.double()) == 0)


@cases
@precisions
def test_gradient_of_the_representation(w, dtype, tolerance):
    grad_real, grad_imag = upstream(w.shape)
    x = w.to(dtype, copy=True).requires_grad_()
    wave = ops.represent(x * 1, offsets_of(w))
    torch.autograd.backward(wave, [grad_real.to(dtype), grad_imag.to(dtype)])
    assert_near(x.grad, exact_gradient(w.double(), grad_real, grad_imag), tolerance)


@cases
@precisions
def test_first_token(w, dtype, tolerance):
    grad_real, grad_imag = upstream(w.shape)
    grad_real[1:], grad_imag[1:] = 0, 0
    x = w.to(dtype, copy=True).requires_grad_()
    wave = ops.represent_first(x, offsets_of(w))
    torch.autograd.backward(wave, [grad_real[:1].to(dtype), grad_imag[:1].to(dtype)])
    assert_near(wave.imag.detach(), exact_context(w.double())[:1], tolerance)
    assert_near(x.grad, exact_gradient(w.double(), grad_real, grad_imag), tolerance)


@cases
@precisions
def test_global_semantics(w, dtype, tolerance):
    x = w.to(dtype, copy=True).requires_grad_()
    norm = ops.global_semantics(x, offsets_of(w))
    norm.sum().backward()
    exact = w.double().square().sum(0).sqrt()
    assert_near(norm[0].detach(), exact, tolerance)
    assert_near(x.grad, (w.double() / exact).nan_to_num(0.0), tolerance)


@cases
@pytest.mark.parametrize("operation", [ops.interfere, ops.modulate])
@pytest.mark.parametrize("read", [ops.magnitude, ops.phase, lambda wave: torch.cat(wave)])
def test_every_read_out_has_a_finite_gradient(w, operation, read):
    first, second = w.clone().requires_grad_(), w.flip(0).clone().requires_grad_()
    wave = operation(*(ops.represent(x, offsets_of(w)) for x in (first, second)))
    result = read(wave)
    result.sum().backward()
    for tensor in (result, first.grad, second.grad):
        assert torch.isfinite(tensor).all()


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_the_zero_wave(zero):
    real = torch.full((2, 3), zero, requires_grad=True)
    imag = torch.zeros(2, 3, requires_grad=True)
    for function in (ops.magnitude, ops.phase):
        result = function(Wave(real, imag))
        assert torch.equal(result, torch.zeros(2, 3))
        for gradient in torch.autograd.grad(result.sum(), (real, imag)):
            assert torch.equal(gradient, torch.zeros(2, 3))


def test_phases_of_plus_and_minus_g():
    w = torch.tensor([[2.0, -2.0], [0.0, 0.0]])
    phase = ops.phase(ops.represent(w, offsets_of(w)))
    assert_close(phase, torch.tensor([[0.0, torch.pi], [torch.pi / 2, torch.pi / 2]]))
