"""What the torch and the NumPy form of the local wave network must agree on."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeVar

try:
    from wave_network import _local_waves as compiled
except ImportError:  # there was no C compiler
    compiled = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from wave_network.config import LocalWaveConfig

    IntegerArray = TypeVar("IntegerArray", Tensor, NDArray[np.int64])

__all__ = [
    "ENERGY_FLOOR",
    "NGRAM_PLACES",
    "PAIR_FACTORS",
    "SKIP_PAIR_FACTORS",
    "TRIPLE_FACTORS",
    "Ngram",
    "compiled",
    "compiled_shape",
    "largest_prime",
    "ngram_buckets",
    "pair_bucket",
]

Ngram: TypeAlias = Literal["pair", "skip-pair", "triple"]
Shape: TypeAlias = tuple[
    int, bool, tuple[int, int], float, float, bool, tuple[int, int], bool, tuple[int, int]
]

ENERGY_FLOOR: Final = 1e-6
"""Added under the root of an energy, so that an energy of 0 has a gradient."""

PAIR_FACTORS: Final = (2_654_435_761, 805_459_861)
"""What the two tokens of a pair are multiplied by."""

SKIP_PAIR_FACTORS: Final = (2_246_822_519, 374_761_393)
"""The same of a skip pair."""

TRIPLE_FACTORS: Final = (3_266_489_917, 668_265_263)
"""What the bucket of a triple's first two tokens, and its third token, are multiplied by."""

NGRAM_PLACES: Final[Mapping[Ngram, tuple[int, ...]]] = {
    "pair": (1, 0),
    "skip-pair": (2, 0),
    "triple": (2, 1, 0),
}
"""How far before the last of its tokens each token of an n-gram stands."""


def compiled_shape(config: LocalWaveConfig) -> Shape:
    """What the compiled functions need to know of a model beside its tables.

    Returns:
        The members; whether neighbours are multiplied; `PAIR_FACTORS`; what an energy of local
        waves is multiplied by, so that products are in units of the start; `ENERGY_FLOOR`; whether
        the linear part reads skip pairs, and their factors; likewise of triples.
    """
    modulation = config.operation == "modulation"
    scale = config.initializer_range**-2 if modulation else 1.0
    return (
        *(config.members, modulation, PAIR_FACTORS, scale, ENERGY_FLOOR),
        *("skip-pair" in config.linear_ngrams, SKIP_PAIR_FACTORS),
        *("triple" in config.linear_ngrams, TRIPLE_FACTORS),
    )


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


def ngram_buckets(ngram: Ngram, ids: IntegerArray, buckets: int) -> IntegerArray:
    """The buckets of all n-grams of a kind in a sequence of tokens.

    A skip pair, the token before the last and the present one, is hashed as a pair is, with other
    factors; a triple as the pair of its first two tokens' bucket and its third token.

    Args:
        ngram: The kind.
        ids: As for `pair_bucket`, (tokens,). Of packed texts, those n-grams that begin in one text
            and end in the next have buckets, too: the caller leaves them out.
        buckets: How many there are, below 2^31.

    Returns:
        (n-grams,): the first ends at the second token of all, or at the third, as `NGRAM_PLACES`
        says; each further one ends a token later.
    """
    if ngram == "pair":
        return pair_bucket(ids[:-1], ids[1:], buckets)
    if ngram == "skip-pair":
        first, second, factors = ids[:-2], ids[2:], SKIP_PAIR_FACTORS
    else:
        first, second = pair_bucket(ids[:-2], ids[1:-1], buckets), ids[2:]
        factors = TRIPLE_FACTORS
    return (first * factors[0] + second * factors[1]) % buckets
