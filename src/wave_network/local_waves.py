"""What the torch and the NumPy form of the local wave network must agree on."""

from __future__ import annotations

from typing import Final

ENERGY_FLOOR: Final = 1e-6
"""Added under the root of an energy, so that an energy of 0 has a gradient."""

BUCKET_MULTIPLIERS: Final = (2_654_435_761, 805_459_861)
"""A pair (a, b) goes to bucket `(a * first + b * second) mod buckets`. With a prime number of
buckets above the vocabulary's size any two pairs meet with a chance of one in `buckets` (Carter and
Wegman, 1979); the products stay below 2^63."""
