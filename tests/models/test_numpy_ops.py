from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from wave_network.models.numpy_ops import (
    Wave,
    combine,
    gelu,
    given_labels,
    interference_term,
    layer_norm,
    phase,
    represent,
    represent_first,
    sigmoid,
    softmax,
)
from wave_network.ops import naive

OFFSETS = np.array([0, 4, 7, 12])


def random_embeddings(rows=12, scale=1.0):
    return np.random.default_rng(0).normal(scale=scale, size=(rows, 5)).astype(np.float32)


def test_representation_is_the_papers():
    embeddings = random_embeddings()
    wave = represent(embeddings, OFFSETS)
    for start, stop in pairwise(OFFSETS):
        expected = naive.represent(torch.from_numpy(embeddings[start:stop]).double()).numpy()
        np.testing.assert_allclose(wave.real[start:stop], expected.real, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(wave.imag[start:stop], expected.imag, rtol=1e-5, atol=1e-6)


def test_phase_and_interference_term_are_the_papers():
    embeddings = [random_embeddings(4), random_embeddings(4)[::-1]]
    waves = [represent(one, np.array([0, 4])) for one in embeddings]
    expected = [naive.represent(torch.from_numpy(one.copy()).double()) for one in embeddings]
    np.testing.assert_allclose(phase(waves[0]), expected[0].angle(), rtol=1e-5)
    term = naive.interference_term(*expected)
    np.testing.assert_allclose(interference_term(*waves), term, rtol=1e-5, atol=1e-5)


def test_the_phase_of_a_zero_wave_is_zero():
    zero = np.zeros((1, 2), np.float32)
    assert (phase(Wave(zero, zero)) == 0).all()
    assert (phase(Wave(-zero, zero)) == 0).all()


@pytest.mark.parametrize("offsets", [OFFSETS, np.array([0, 1, 2, 12]), np.arange(13)])
def test_first_rows_equal_those_of_all(offsets):
    embeddings = random_embeddings()
    kept = embeddings.copy()
    for some, whole in zip(
        represent_first(embeddings, offsets), represent(embeddings, offsets), strict=True
    ):
        np.testing.assert_allclose(some, whole[offsets[:-1]], rtol=1e-6)
    np.testing.assert_array_equal(embeddings, kept)


def test_a_single_token_has_no_context():
    for function in (represent, represent_first):
        wave = function(random_embeddings(3), np.arange(4))
        assert (wave.imag == 0).all()


@pytest.mark.parametrize("function", [represent, represent_first])
@pytest.mark.parametrize("ratio", [1e2, 1e4, 1e8])
def test_a_dominant_token_costs_no_digits(function, ratio):
    embeddings = random_embeddings(6)
    embeddings[0] *= ratio
    wave = function(embeddings, np.array([0, 6]))
    exact = np.sqrt(np.square(embeddings[1:].astype(np.float64)).sum(axis=0))
    np.testing.assert_allclose(wave.imag[0], exact, rtol=1e-6)


def test_operations_are_complex_arithmetic():
    first, second = (
        Wave(*np.random.default_rng(seed).normal(size=(2, 7, 5)).astype(np.float32))
        for seed in (1, 2)
    )
    z, z2 = (wave.real + 1j * wave.imag for wave in (first, second))
    for operation, expected in (("interference", z + z2), ("modulation", z * z2)):
        found = combine(first, second, operation)
        np.testing.assert_allclose(found.real, expected.real, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found.imag, expected.imag, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
def test_layers_are_torchs(scale):
    values, weight, bias = random_embeddings(9, scale), np.full(5, 1.5), np.arange(5)
    weight, bias = weight.astype(np.float32), bias.astype(np.float32)
    x = torch.from_numpy(values)
    expected = F.gelu(x, approximate="tanh")
    np.testing.assert_allclose(gelu(values), expected, rtol=1e-5, atol=1e-6)
    expected = F.layer_norm(x, (5,), torch.from_numpy(weight), torch.from_numpy(bias))
    np.testing.assert_allclose(layer_norm(values, weight, bias), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(softmax(values), x.softmax(dim=1), rtol=1e-5, atol=1e-30)


def test_everything_stays_float32():
    wave = represent(random_embeddings(), OFFSETS)
    assert {part.dtype for part in wave} == {np.dtype(np.float32)}
    read = np.concatenate(combine(wave, wave, "modulation"), axis=1)
    ones = np.ones(10, np.float32)
    for values in (read, gelu(read), layer_norm(read, ones, ones), softmax(read)):
        assert values.dtype == np.float32


def test_softmax_of_large_logits_is_finite():
    found = softmax(np.array([[1e4, 0, -1e4], [-1e4, -1e4, -1e4]], np.float32))
    np.testing.assert_allclose(found, [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]], rtol=1e-6)


def test_sigmoid_of_any_logit():
    logits = np.array([[-1e4, -90, -1.5, 0, 1.5, 90, 1e4]], dtype=np.float32)
    found = sigmoid(logits)
    assert found.dtype == np.float32
    expected = torch.from_numpy(logits).sigmoid().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_labels_are_given_from_their_thresholds_on():
    probabilities = np.array([[0.5, 0.25], [0.25, 0.75]], dtype=np.float32)
    assert given_labels(probabilities).tolist() == [[True, False], [False, True]]
    assert given_labels(probabilities, (0.25, 0.8)).tolist() == [[True, False], [True, False]]
