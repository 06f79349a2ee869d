"""The kinds of n-grams and their hash, declared once for torch, NumPy, ONNX and C."""

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
"""Added to an energy before its square root, so that an energy of 0 has a gradient."""


class NgramKind(NamedTuple):
    """The tokens that form an n-gram, and the factors of its hash.

    The hash starts as the id of the first token. Each further token updates it to
    `(hash * factors[0] + id * factors[1]) % buckets`. Limits of the compiled code: up to 8 kinds
    per table, each of up to 4 tokens that lie at most 7 apart. Two factors add up to less than
    2^32, so that no hash overflows.

    Attributes:
        places: The distance of each token from the n-gram's last token; falling, the last is 0.
        factors: Two factors for each token after the first.
    """

    places: tuple[int, ...]
    factors: tuple[Factors, ...]

    @property
    def reach(self) -> int:
        """The distance of the first token from the last."""
        return self.places[0]


_BIGRAM: Final = (2_654_435_761, 805_459_861)

NGRAMS: Final[Mapping[Ngram, NgramKind]] = {
    "pair": NgramKind((1, 0), (_BIGRAM,)),
    "skip-pair": NgramKind((2, 0), ((2_246_822_519, 374_761_393),)),
    "triple": NgramKind((2, 1, 0), (_BIGRAM, (3_266_489_917, 668_265_263))),
}
"""Every kind of n-gram. Never change places or factors: trained models depend on them."""


def ngram_buckets(ngram: Ngram, ids: IntegerArray, buckets: int) -> IntegerArray:
    """Hash all n-grams of a kind in a sequence of tokens to buckets.

    If the number of buckets is prime and above the vocabulary's size, two bigrams collide with
    probability 1 / `buckets` (Carter and Wegman, 1979).

    Args:
        ngram: The kind of n-gram.
        ids: Token ids below 2^31, int64, so that no product overflows, (tokens,). For packed texts
            the caller must discard the n-grams that cross from one text into the next.
        buckets: The number of buckets, below 2^31.

    Returns:
        (n-grams,): entry i belongs to the n-gram that ends at token i + `reach`.
    """
    kind = NGRAMS[ngram]

    def tokens(place: int) -> IntegerArray:
        return ids[kind.reach - place : len(ids) - place]

    found = tokens(kind.reach)
    for place, (of_hash, of_token) in zip(kind.places[1:], kind.factors, strict=True):
        found = (found * of_hash + tokens(place) * of_token) % buckets
    return found
