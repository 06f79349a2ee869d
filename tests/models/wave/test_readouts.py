"""Every read-out: the same number of columns, values and gradients by torch and by NumPy."""

import numpy as np
import pytest
import torch

from wave_network import ops
from wave_network.config import ModelConfig
from wave_network.config.wave import READOUT_PARTS
from wave_network.models.gradients import combine_gradient
from wave_network.models.numpy_ops import Wave, combine
from wave_network.models.wave import network, onnx, readouts

RANDOM = np.random.default_rng(0)
every_readout = pytest.mark.parametrize("readout", READOUT_PARTS)


def normal(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def read_by_torch(real, imag, readout):
    wave = torch.complex(real, imag)
    return {
        "concat": torch.cat([wave.real, wave.imag], dim=1),
        "magnitude": wave.abs(),
        "real": wave.real,
        "imaginary": wave.imag,
    }[readout]


def test_every_form_of_the_network_has_every_read_out():
    for table in (network.READOUTS, readouts.READOUTS, onnx.READOUTS):
        assert table.keys() == READOUT_PARTS.keys()


@every_readout
def test_values_and_their_number(readout):
    wave = Wave(normal(5, 4), normal(5, 4))
    expected = read_by_torch(*map(torch.from_numpy, wave), readout).numpy()
    found = readouts.READOUTS[readout].of(wave)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    by_torch = network.READOUTS[readout](ops.Wave(*map(torch.from_numpy, wave)))
    np.testing.assert_allclose(by_torch.numpy(), expected, rtol=1e-6)
    config = ModelConfig(
        labels=(0, 1), vocab_size=5, cls_token_id=0, hidden_size=4, readout=readout
    )
    assert found.shape == (5, config.readout_size)
    assert found.dtype == np.float32


@pytest.mark.parametrize("operation", ["interference", "modulation"])
@every_readout
def test_gradients_of_combined_waves_and_their_read_out(operation, readout):
    u, v, c, d = (normal(5, 4) for _ in range(4))

    def read(c, d):
        first = torch.complex(torch.tensor(u, dtype=torch.float64), c)
        second = torch.complex(torch.tensor(v, dtype=torch.float64), d)
        wave = first + second if operation == "interference" else first * second
        return read_by_torch(wave.real, wave.imag, readout)

    first, second = Wave(u, c), Wave(v, d)
    wave = combine(first, second, operation)
    gradient = normal(*readouts.READOUTS[readout].of(wave).shape)
    at_wave = readouts.READOUTS[readout].gradient(wave, gradient)
    found = combine_gradient(first, second, operation, at_wave)
    c64, d64 = (torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (c, d))
    output = read(c64, d64)
    if output.requires_grad:  # the sum's real part has no context in it
        output.backward(torch.tensor(gradient, dtype=torch.float64))
    for one, value in zip(found, (c64, d64), strict=True):
        expected = np.zeros_like(c) if value.grad is None else value.grad.numpy()
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, expected, rtol=1e-5, atol=1e-5)


def test_a_wave_of_magnitude_0_has_a_gradient_of_0():
    nothing = np.zeros((1, 2), np.float32)
    gradient = readouts.READOUTS["magnitude"].gradient
    wave = gradient(Wave(nothing, nothing), np.ones_like(nothing))
    np.testing.assert_array_equal(wave.imag, nothing)
