import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize as library_minimize

from wave_network.numerics.minimize import minimize


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    size=st.integers(1, 6),
    least=st.sampled_from([-np.inf, 0.0]),
    most=st.sampled_from([np.inf, 1.0]),
)
def test_convex_losses_have_the_minimum_that_the_library_finds(seed, size, least, most):
    random = np.random.default_rng(seed)
    factors, shifts = random.normal(size=(20, size)) * 3, random.normal(size=20)
    goal = random.normal(size=size) * 2

    def loss(point):
        margins = factors @ point + shifts
        value = np.logaddexp(0, margins).sum() + np.square(point - goal).sum()
        return value, factors.T @ (1 / (1 + np.exp(-margins))) + 2 * (point - goal)

    start = np.full(size, 0.5)
    found = minimize(loss, start, least, most)
    assert (found >= least).all()
    assert (found <= most).all()
    bounds = [(least, most)] * size
    expected = library_minimize(
        loss, start, jac=True, bounds=bounds, method="L-BFGS-B", options={"ftol": 1e-14}
    )
    np.testing.assert_allclose(found, expected.x, atol=2e-4)
    assert loss(found)[0] <= expected.fun + 1e-8


@pytest.mark.parametrize("start", [[-1.2, 1.0], [3.0, -2.0]])
def test_a_curved_valley_is_followed_to_its_end(start):
    def loss(point):
        x, y = point
        value = (1 - x) ** 2 + 100 * (y - x**2) ** 2
        return value, np.array([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)])

    np.testing.assert_allclose(minimize(loss, np.array(start)), 1, atol=1e-4)


def test_where_the_loss_is_not_finite_steps_are_shorter():
    def loss(point):
        with np.errstate(over="ignore", invalid="ignore"):
            value = np.exp(point[0] * 900) - point[0] * 900
        return float(value), 900 * (np.exp(np.minimum(point * 900, 700)) - 1)

    np.testing.assert_allclose(minimize(loss, np.array([-1.0])), 0, atol=1e-4)


def test_a_start_at_the_minimum_stays():
    def loss(point):
        return float(point @ point), 2 * point

    np.testing.assert_array_equal(minimize(loss, np.zeros(3)), 0)
    np.testing.assert_array_equal(minimize(loss, np.zeros(3), least=1.0), 1)
    assert minimize(loss, np.zeros(0)).shape == (0,)
