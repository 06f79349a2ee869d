"""An interpolated Kneser-Ney n-gram model over token ids, which the Wave LM is compared with.

R. Kneser and H. Ney, "Improved backing-off for m-gram language modeling", ICASSP 1995, in the
interpolated form of S. Chen and J. Goodman, "An empirical study of smoothing techniques for
language modeling", 1999, with one discount for each order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.text.byte_level import Ids

_Integers = NDArray[np.int64]
_Doubles = NDArray[np.float64]
_MISSING: Final = -1


@dataclass(frozen=True)
class _Order:
    """The n-grams of one order; an n-gram's number is its place in `keys`.

    Attributes:
        keys: The number of its context times the vocabulary, plus its last token; sorted.
        counts: The count of each: how often it occurs in the highest order, and after how many
            different tokens in the others; 0 if it ends with the start of a document.
        totals: The sum of the counts for each context.
        kinds: How many n-grams with a count there are for each context.
        discount: What is taken from each count.
    """

    keys: _Integers
    counts: _Integers
    totals: _Integers
    kinds: _Integers
    discount: float


class KneserNey:
    """An n-gram model of documents.

    Args:
        ids: The documents, each after the id `start`, (tokens,).
        start: The id that begins a document: the highest one.
        order: Tokens of the longest n-grams.
    """

    def __init__(self, ids: Ids, start: int, order: int = 5) -> None:
        self._start, self._vocabulary, self._order = start, start + 1, order
        tokens = self._padded(ids)
        numbers = [np.zeros(len(tokens), np.int64)]  # of the n-gram that ends at each token
        uniques: list[tuple[_Integers, _Integers, _Integers]] = []
        for _ in range(order):
            keys, first, number, count = np.unique(
                self._keys(numbers[-1], tokens),
                return_index=True,
                return_inverse=True,
                return_counts=True,
            )
            numbers.append(number.astype(np.int64))
            uniques.append((keys, first, count))
        self._orders = []
        for length in range(1, order + 1):
            keys, first, counts = uniques[length - 1]
            if length < order:  # the different tokens before it
                of_longer = numbers[length][uniques[length][1]]
                counts = np.bincount(of_longer, minlength=len(keys))
            counts = np.where(tokens[first] == start, 0, counts)
            contexts = 1 if length == 1 else len(uniques[length - 2][0])
            self._orders.append(_order(keys, counts, contexts, self._vocabulary))

    def bits(self, ids: Ids) -> _Doubles:
        """Return the bits that each token of some documents takes.

        Args:
            ids: As those to learn from.

        Returns:
            `-log2` of the probability of each token but the starts, in their order.
        """
        tokens = self._padded(ids)
        contexts = np.zeros(len(tokens), np.int64)
        probability = np.full(len(tokens), 1 / self._start)
        for order in self._orders:
            known = contexts != _MISSING
            before = np.where(known, contexts, 0)
            keys = before * self._vocabulary + tokens
            place = np.minimum(np.searchsorted(order.keys, keys), len(order.keys) - 1)
            found = known & (order.keys[place] == keys)
            total = np.where(known, order.totals[before], 0)
            seen = total > 0
            kept = np.where(found, np.maximum(order.counts[place] - order.discount, 0), 0)
            rest = order.discount * order.kinds[before]
            probability[seen] = (kept + rest * probability)[seen] / total[seen]
            numbers = np.where(found, place, _MISSING)
            contexts = np.concatenate([[_MISSING], numbers[:-1]])
        result: _Doubles = -np.log2(probability[tokens != self._start])
        return result

    def size(self) -> int:
        """Return how many n-grams are stored."""
        return sum(len(order.keys) for order in self._orders)

    def _padded(self, ids: Ids) -> _Integers:
        """Repeat each start, so that every token has a context of full length."""
        times = np.where(ids == self._start, self._order - 1, 1)
        return np.repeat(ids.astype(np.int64), times)

    def _keys(self, numbers: _Integers, tokens: _Integers) -> _Integers:
        """Return the keys of the n-grams one longer than those of these numbers."""
        before = np.concatenate([[0], numbers[:-1]])
        return before * self._vocabulary + tokens


def _order(keys: _Integers, counts: _Integers, contexts: int, vocabulary: int) -> _Order:
    context = keys // vocabulary
    ones, twos = (counts == 1).sum(), (counts == 2).sum()
    return _Order(
        keys=keys,
        counts=counts,
        totals=np.bincount(context, weights=counts, minlength=contexts).astype(np.int64),
        kinds=np.bincount(context, weights=counts > 0, minlength=contexts).astype(np.int64),
        discount=float(ones / (ones + 2 * twos)) if ones else 0.5,
    )
