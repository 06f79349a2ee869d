"""An interpolated Kneser-Ney n-gram model over token ids, which the Wave LM is compared with.

R. Kneser and H. Ney, "Improved backing-off for m-gram language modeling", ICASSP 1995, in the
interpolated form of S. Chen and J. Goodman, "An empirical study of smoothing techniques for
language modeling", 1999, with one discount for each order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.text.byte_level import Ids

_Integers = NDArray[np.int64]
_Doubles = NDArray[np.float64]
_MISSING: Final = -1
_HALVINGS: Final = 60


@dataclass(frozen=True)
class _Order:
    """The n-grams of one order; an n-gram's number is its place in `keys`.

    Attributes:
        keys: The number of its context times the vocabulary, plus its last token; sorted.
        weights: The discounted count of each. What is counted: how often it occurs in the highest
            order, and after how many different tokens in the others; nothing if it ends with the
            start of a document.
        totals: The sum of the counts for each context.
        rests: What the weights leave of it to the order below.
    """

    keys: _Integers
    weights: _Doubles
    totals: _Doubles
    rests: _Doubles


@dataclass(frozen=True)
class _Found:
    """Statistics of the n-grams of one order in the training texts.

    Attributes:
        keys: As in `_Order`.
        first: Where each first ends.
        occurrences: How often each occurs.
        numbers: The number of the n-gram that ends at each token.
    """

    keys: _Integers
    first: _Integers
    occurrences: _Integers
    numbers: _Integers


class KneserNey:
    """An n-gram model of documents.

    Args:
        ids: The documents, each after the id `start`, (tokens,).
        start: The id that begins a document: the highest one.
        order: Tokens of the longest n-grams.
        max_ngrams: Largest number of n-grams to store. Keeps those that save the most bits on the
            training texts, compared with the order below (weighted difference; K. Seymore and
            R. Rosenfeld, "Scalable backoff language models", ICSLP 1996), and all single tokens.
    """

    def __init__(self, ids: Ids, start: int, order: int = 5, max_ngrams: int | None = None) -> None:
        self._start, self._vocabulary, self._order = start, start + 1, order
        tokens = self._padded(ids)
        numbers = np.zeros(len(tokens), np.int64)
        found: list[_Found] = []
        for _ in range(order):
            keys, first, number, count = np.unique(
                self._keys(numbers, tokens),
                return_index=True,
                return_inverse=True,
                return_counts=True,
            )
            numbers = number.astype(np.int64)
            found.append(_Found(keys, first, count, numbers))
        self._orders = []
        for length, each in enumerate(found):
            counts = each.occurrences
            if length + 1 < order:  # the different tokens before it
                longer = found[length + 1]
                counts = np.bincount(each.numbers[longer.first], minlength=len(each.keys))
            counts = np.where(tokens[each.first] == start, 0, counts)
            contexts = 1 if length == 0 else len(found[length - 1].keys)
            self._orders.append(_order(each.keys, counts, contexts, self._vocabulary))
        if max_ngrams is not None and self.size() > max_ngrams:
            self._prune(found, max_ngrams)

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
            weight = np.where(found, order.weights[place], 0)
            shares = weight + order.rests[before] * probability
            probability[seen] = shares[seen] / total[seen]
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

    def _prune(self, found: Sequence[_Found], max_ngrams: int) -> None:
        """Keep the n-grams that save the most bits, and the contexts that these need."""
        saved = self._saved(found)
        low, high = 0.0, max(float(bits.max(initial=0)) for bits in saved[1:])
        for _ in range(_HALVINGS):
            threshold = (low + high) / 2
            if sum(map(np.count_nonzero, self._kept(saved, threshold))) > max_ngrams:
                low = threshold
            else:
                high = threshold
        renumbered = np.zeros(1, np.int64)
        kept_before = np.ones(1, bool)
        for length, kept in enumerate(self._kept(saved, high)):
            order = self._orders[length]
            context, last = np.divmod(order.keys[kept], self._vocabulary)
            left = np.bincount(context, order.weights[kept], len(order.totals))
            self._orders[length] = _Order(
                keys=renumbered[context] * self._vocabulary + last,
                weights=order.weights[kept],
                totals=order.totals[kept_before],
                rests=(order.totals - left)[kept_before],
            )
            renumbered, kept_before = np.cumsum(kept) - 1, kept
        self._orders = [order for order in self._orders if len(order.keys)]

    def _saved(self, found: Sequence[_Found]) -> list[_Doubles]:
        """Return the bits that each n-gram saves the training texts against the order below."""
        saved, below = [], np.full(self._vocabulary, 1 / self._start)
        for length, (order, each) in enumerate(zip(self._orders, found, strict=True)):
            context, last = np.divmod(order.keys, self._vocabulary)
            suffix = last if length == 0 else found[length - 1].numbers[each.first]
            total = np.maximum(order.totals[context], 1)
            here = (order.weights + order.rests[context] * below[suffix]) / total
            here = np.where(order.totals[context] > 0, here, below[suffix])
            saved.append(each.occurrences * np.log2(here / below[suffix]))
            saved[-1][order.weights == 0] = 0
            below = here
        return saved

    def _kept(self, saved: Sequence[_Doubles], threshold: float) -> list[NDArray[np.bool_]]:
        """Return which n-grams save more bits than the threshold, or begin one that does."""
        kept = [np.ones(len(saved[0]), bool), *(bits > threshold for bits in saved[1:])]
        for length in range(len(kept) - 1, 1, -1):
            contexts = self._orders[length].keys[kept[length]] // self._vocabulary
            kept[length - 1][contexts] = True
        return kept


def _order(keys: _Integers, counts: _Integers, contexts: int, vocabulary: int) -> _Order:
    context = keys // vocabulary
    ones, twos = (counts == 1).sum(), (counts == 2).sum()
    discount = float(ones / (ones + 2 * twos)) if ones else 0.5
    return _Order(
        keys=keys,
        weights=np.maximum(counts - discount, 0),
        totals=np.bincount(context, counts, contexts).astype(np.float64),
        rests=discount * np.bincount(context, counts > 0, contexts).astype(np.float64),
    )
