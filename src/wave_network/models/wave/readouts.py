"""The read-outs, complex-to-real maps g, in NumPy: each with its gradient."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np

from wave_network.config import Readout
from wave_network.models.numpy_ops import Floats, Wave, magnitude


class NumpyReadout(NamedTuple):
    """A read-out.

    Attributes:
        of: Compute the real features of a wave, (rows, columns).
        gradient: Backpropagate from the read-out to both parts of the wave.
    """

    of: Callable[[Wave], Floats]
    gradient: Callable[[Wave, Floats], Wave]


def _concat(wave: Wave) -> Floats:
    return np.concatenate(wave, axis=1)


def _concat_gradient(_: Wave, gradient: Floats) -> Wave:
    real, imag = np.split(gradient, 2, axis=-1)
    return Wave(real, imag)


def _magnitude_gradient(wave: Wave, gradient: Floats) -> Wave:
    size = magnitude(wave)
    slope: Floats = np.divide(gradient, size, out=np.zeros_like(size), where=size > 0)
    return Wave(wave.real * slope, wave.imag * slope)


READOUTS: Final[Mapping[Readout, NumpyReadout]] = {
    "concat": NumpyReadout(_concat, _concat_gradient),
    "magnitude": NumpyReadout(magnitude, _magnitude_gradient),
    "real": NumpyReadout(
        lambda wave: wave.real, lambda _, gradient: Wave(gradient, np.zeros_like(gradient))
    ),
    "imaginary": NumpyReadout(
        lambda wave: wave.imag, lambda _, gradient: Wave(np.zeros_like(gradient), gradient)
    ),
}
