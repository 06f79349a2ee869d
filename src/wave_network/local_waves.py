"""What the torch and the NumPy form of the local wave network must agree on."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING, Final, TypeVar

try:
    from wave_network import _local_waves as compiled
except ImportError:  # there was no C compiler
    compiled = None  # type: ignore[assignment]

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from wave_network.config import LocalWaveConfig

    IntegerArray = TypeVar("IntegerArray", Tensor, NDArray[np.int64])

__all__ = [
    "ENERGY_FLOOR",
    "PAIR_FACTORS",
    "compiled",
    "compiled_shape",
    "largest_prime",
    "pair_bucket",
]

ENERGY_FLOOR: Final = 1e-6
"""Added under the root of an energy, so that an energy of 0 has a gradient."""

PAIR_FACTORS: Final = (2_654_435_761, 805_459_861)
"""What the two tokens of a pair are multiplied by."""


def compiled_shape(config: LocalWaveConfig) -> tuple[int, bool, tuple[int, int], float, float]:
    """What the compiled functions need to know of a model beside its tables.

    Returns:
        The members; whether neighbours are multiplied; `PAIR_FACTORS`; what an energy of local
        waves is multiplied by, so that products are in units of the start; `ENERGY_FLOOR`.
    """
    modulation = config.operation == "modulation"
    scale = config.initializer_range**-2 if modulation else 1.0
    return config.members, modulation, PAIR_FACTORS, scale, ENERGY_FLOOR


def largest_prime(number: int) -> int:
    """The largest prime up to a number; below 2, the number itself."""
    while number > 2 and any(number % divisor == 0 for divisor in range(2, isqrt(number) + 1)):
        number -= 1
    return number


def pair_bucket(first: IntegerArray, second: IntegerArray, buckets: int) -> IntegerArray:
    """The buckets of ordered pairs of tokens.

    With a prime number of buckets above the vocabulary's size any two pairs meet with a chance of
    one in `buckets` (Carter and Wegman, 1979).

    Args:
        first: Token ids below 2^31, int64, so that no product overflows; of any shape.
        second: The tokens after them, likewise.
        buckets: How many there are.
    """
    return (first * PAIR_FACTORS[0] + second * PAIR_FACTORS[1]) % buckets
