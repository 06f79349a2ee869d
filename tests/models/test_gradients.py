"""The closed forms against torch's automatic gradients."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from wave_network.models.gradients import (
    gelu_and_slope,
    layer_norm_gradient,
    log_odds,
    log_odds_gradient,
    mean_of_members_gradient,
)
from wave_network.models.numpy_ops import gelu

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
