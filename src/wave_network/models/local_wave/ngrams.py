"""The n-grams of the local wave network, declared once for every form of the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias, TypeVar

from wave_network.config import Ngram

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    IntegerArray = TypeVar("IntegerArray", Tensor, NDArray[np.int64])

__all__ = [
    "ENERGY_FLOOR",
    "NGRAMS",
    "Ngram",
    "NgramKind",
    "ngram_buckets",
]

Factors: TypeAlias = tuple[int, int]

ENERGY_FLOOR: Final = 1e-6
"""Added under the root of an energy, so that an energy of 0 has a gradient."""


class NgramKind(NamedTuple):
    """Which tokens an n-gram is made of, and how they are hashed.

    The hash of the first token is its id. Each further token is hashed with what came before it:
    `(hash * factors[0] + id * factors[1]) % buckets`. Compiled code takes the kinds
    as they are declared here: up to 8 in a table, each of up to 4 tokens that lie at most 7 apart.
    Two factors add up to less than 2^32, so that no hash overflows.

    Attributes:
        places: How far before the n-gram's last token each of its tokens stands; the last is 0.
        factors: A pair of factors for each token after the first.
    """

    places: tuple[int, ...]
    factors: tuple[Factors, ...]

    @property
    def reach(self) -> int:
        """How far the first token stands before the last."""
        return self.places[0]


_PAIR: Final = (2_654_435_761, 805_459_861)

NGRAMS: Final[Mapping[Ngram, NgramKind]] = {
    "pair": NgramKind((1, 0), (_PAIR,)),
    "skip-pair": NgramKind((2, 0), ((2_246_822_519, 374_761_393),)),
    "triple": NgramKind((2, 1, 0), (_PAIR, (3_266_489_917, 668_265_263))),
}
"""Every kind of n-gram. Factors and places never change: trained tables depend on them."""


def ngram_buckets(ngram: Ngram, ids: IntegerArray, buckets: int) -> IntegerArray:
    """The buckets of all n-grams of a kind in a sequence of tokens.

    With a prime number of buckets above the vocabulary's size any two pairs meet with a chance of
    one in `buckets` (Carter and Wegman, 1979).

    Args:
        ngram: The kind.
        ids: Token ids below 2^31, int64, so that no product overflows, (tokens,). Of packed texts,
            those n-grams that begin in one text and end in the next have buckets, too: the caller
            leaves them out.
        buckets: How many there are, below 2^31.

    Returns:
        (n-grams,): the first ends at the token whose index is the kind's `reach`; each further one
        ends a token later.
    """
    kind = NGRAMS[ngram]

    def tokens(place: int) -> IntegerArray:
        return ids[kind.reach - place : len(ids) - place]

    found = tokens(kind.reach)
    for place, (of_hash, of_token) in zip(kind.places[1:], kind.factors, strict=True):
        found = (found * of_hash + tokens(place) * of_token) % buckets
    return found
