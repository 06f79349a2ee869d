"""The closed forms against torch's automatic gradients."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from wave_network.models.functional import Wave, combine, gelu, read_out
from wave_network.models.gradients import (
    combine_gradient,
    gelu_and_slope,
    mean_of_members_gradient,
    layer_norm_gradient,
    log_odds,
    log_odds_gradient,
    read_out_gradient,
)

RANDOM = np.random.default_rng(0)


def normal(*shape, scale=1.0):
    return RANDOM.normal(scale=scale, size=shape).astype(np.float32)


def by_torch(function, gradient, *values):
    """What a gradient at a function's output is at its inputs, in double precision."""
    inputs = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in values]
    function(*inputs).backward(torch.tensor(gradient, dtype=torch.float64))
    return [value.grad.numpy() for value in inputs]


def close(found, expected, tolerance=1e-5):
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def test_gelu_and_its_slope():
    values = np.concatenate([normal(500, scale=3), np.array([0, -40, 40, 1e-6], np.float32)])
    value, slope = gelu_and_slope(values)
    close(value, gelu(values))
    ones = np.ones_like(values)
    (expected,) = by_torch(lambda x: F.gelu(x, approximate="tanh"), ones, values)
    close(slope, expected)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0])
def test_layer_norm(scale):
    values, weight, gradient = normal(2, 9, 12, scale=scale), normal(12), normal(2, 9, 12)
    (expected,) = by_torch(
        lambda x: F.layer_norm(x, x.shape[-1:], torch.tensor(weight, dtype=torch.float64)),
        gradient,
        values,
    )
    found = layer_norm_gradient(values, weight, gradient)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("members", [1, 4])
def test_the_members_mean_probabilities(members):
    logits, gradient = normal(members, 6, 3, scale=4), normal(6, 3)
    (expected,) = by_torch(
        # Of one member the logits themselves: they are what it answers.
        lambda z: z[0] if members == 1 else z.softmax(dim=2).mean(dim=0).log(),
        gradient,
        logits,
    )
    close(mean_of_members_gradient(logits, gradient), expected)


@pytest.mark.parametrize("classes", [2, 5])
def test_log_odds(classes):
    logits, labels = normal(7, classes, scale=3), RANDOM.integers(classes, size=7)

    def odds(z):
        p = z.softmax(dim=1)[torch.arange(7), torch.tensor(labels)]
        return torch.log(p / (1 - p))

    close(log_odds(logits, labels), odds(torch.tensor(logits, dtype=torch.float64)).numpy())
    (expected,) = by_torch(odds, np.ones(7), logits)
    close(log_odds_gradient(logits, labels), expected)


def test_log_odds_are_exact_where_the_probability_is_1_or_0():
    logits = np.array([[90, 0], [0, 90]], np.float32)
    np.testing.assert_array_equal(log_odds(logits, np.array([0, 0])), [90, -90])
    gradient = log_odds_gradient(logits, np.array([0, 0]))
    np.testing.assert_array_equal(gradient, [[1, -1], [1, -1]])


@pytest.mark.parametrize("operation", ["interference", "modulation"])
@pytest.mark.parametrize("readout", ["concat", "magnitude", "real", "imaginary"])
def test_combined_waves_and_their_read_out(operation, readout):
    u, v, c, d = (normal(5, 4) for _ in range(4))

    def read(c, d):
        first = torch.complex(torch.tensor(u, dtype=torch.float64), c)
        second = torch.complex(torch.tensor(v, dtype=torch.float64), d)
        wave = first + second if operation == "interference" else first * second
        parts = {
            "concat": torch.cat([wave.real, wave.imag], dim=1),
            "magnitude": wave.abs(),
            "real": wave.real,
            "imaginary": wave.imag,
        }
        return parts[readout]

    first, second = Wave(u, c), Wave(v, d)
    wave = combine(first, second, operation)
    gradient = normal(*read_out(wave, readout).shape)
    at_wave = read_out_gradient(wave, readout, gradient)
    found = combine_gradient(first, second, operation, at_wave)
    c64, d64 = (torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (c, d))
    output = read(c64, d64)
    if output.requires_grad:  # the sum's real part has no context in it
        output.backward(torch.tensor(gradient, dtype=torch.float64))
    for one, value in zip(found, (c64, d64), strict=True):
        close(one, np.zeros_like(c) if value.grad is None else value.grad.numpy())


def test_a_wave_of_magnitude_0_has_a_gradient_of_0():
    nothing = np.zeros((1, 2), np.float32)
    wave = read_out_gradient(Wave(nothing, nothing), "magnitude", np.ones_like(nothing))
    np.testing.assert_array_equal(wave.imag, nothing)
