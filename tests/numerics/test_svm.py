import sys

import numpy as np
import pytest
from native import native_hidden, needs_native
from sklearn.svm import LinearSVC
from sparse import as_scipy, of_dense

from wave_network import _native
from wave_network.errors import MissingExtraError
from wave_network.numerics.svm import one_against_rest


def drawn(labels, texts=80, columns=30, seed=0):
    """Sparse features of texts, labels that follow from some of them, scales and costs."""
    random = np.random.default_rng(seed)
    dense = random.uniform(0.1, 1, (texts, columns)) * (random.random((texts, columns)) < 0.2)
    dense[3] = 0  # a text without any feature
    features = of_dense(dense)
    truth = features @ random.normal(size=(columns, labels)) + random.normal(
        0, 0.3, (texts, labels)
    )
    scales = random.uniform(0.5, 1.5, (columns, labels)).astype(np.float32)
    costs = random.uniform(0.2, 2, texts).astype(np.float32)
    return features, truth > 0, scales, costs


def objective(features, having, scales, costs, weights, bias):
    """The loss of each label, by its formula; the weights are those of scaled features."""
    signs = np.where(having, 1, -1)
    lacking = np.maximum(0, 1 - signs * (features @ weights + bias))
    own = np.square(weights / scales).sum(axis=0) + np.square(bias)
    return own / 2 + (costs[:, None] * np.square(lacking)).sum(axis=0)


@needs_native
@pytest.mark.parametrize("labels", [1, 2, 4, 5, 8, 9, 16])
def test_it_finds_what_the_library_finds(labels):
    features, having, scales, costs = drawn(labels)
    weights, bias = one_against_rest(
        features, having, scales, costs, 0, tolerance=1e-6, most_passes=10_000
    )
    assert weights.dtype == bias.dtype == np.float32
    for label, scale in enumerate(scales.T):
        machine = LinearSVC(tol=1e-8, max_iter=100_000)
        machine.fit(
            as_scipy(features).multiply(scale).tocsr(), having[:, label], sample_weight=costs
        )
        np.testing.assert_allclose(weights[:, label], machine.coef_[0] * scale, atol=1e-4)
        assert bias[label] == pytest.approx(machine.intercept_[0], abs=1e-4)


@pytest.mark.parametrize("labels", [1, 3])
def test_both_forms_come_close_to_the_least_loss(labels):
    problem = drawn(labels)
    best = objective(*problem, *one_against_rest(*problem, 0, tolerance=1e-5, most_passes=5_000))
    for hidden in (False, True):
        with native_hidden(hidden):
            found = objective(*problem, *one_against_rest(*problem, 0))
        assert (found <= best * 1.02 + 1e-3).all()


@needs_native
def test_the_seed_gives_the_order_and_the_same_bits():
    problem = drawn(3)
    first, again, other = (one_against_rest(*problem, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first[0], again[0])
    assert (first[0] != other[0]).any()
    np.testing.assert_allclose(first[0], other[0], atol=0.2)


@needs_native
def test_what_does_not_belong_together_is_refused():
    features, having, scales, costs = drawn(3)
    for problem in (
        (features, having[:-1], scales, costs),
        (features, having, scales[:-1], costs),
        (features, having[:, :2], scales, costs),
        (features, having, scales, costs[1:]),
        (features, having, scales, costs * 0),
        (features, np.ones((80, 17), bool), np.ones((30, 17), np.float32), costs),
    ):
        with pytest.raises(ValueError, match=r"belong together|no scale|above 0"):
            one_against_rest(*problem, 0)


@needs_native
def test_passes_end_at_the_most():
    features, having, scales, costs = drawn(2)
    passes = _native.compiled.dual_coordinate_descent(
        offsets=features.indptr,
        features=features.indices,
        values=features.data,
        costs=costs,
        having=having,
        scales=scales,
        weights=np.empty_like(scales),
        bias=np.empty(2, np.float32),
        seed=0,
        tolerance=0.0,
        most_passes=7,
        threads=lambda: 1,
    )
    assert passes == 7


def test_without_compiled_code_and_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.svm", None)
    with native_hidden(), pytest.raises(MissingExtraError, match="train"):
        one_against_rest(*drawn(1), 0)
