"""Out-of-scope scores: how unusual is a text beside those that the model was trained on?

Three statistics of a text, which need no texts of other kinds:

- the energy, minus the log of the sum of the exponentials of its logits (Liu et al. 2020,
  "Energy-based Out-of-distribution Detection"): high if no class fits;
- how rare its pairs of adjacent tokens are in the training texts;
- how few characters a token has: words that the vocabulary lacks are split into pieces.

With background texts, a fourth: how much more frequent the pairs are there than in the training
texts.

Held-out texts, and short pieces of them, show how each statistic varies among known texts of every
length: its mean and variance are known at 1, 4, 16, ... tokens and interpolated between, so a short
text is not unusual for being short. The squares of the standardised statistics, where they are
above 0, are added up. The score is the share of held-out texts with a smaller sum, so that of new
known texts a share of 5 % is above 0.95.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network import _native
from wave_network.errors import ConfigError

FEWEST: Final = 20
"""Held-out texts that are needed: with fewer no score could be above 0.95."""

_BUCKETS: Final = 2**16  # of a table of pairs; half a byte each
_COUNTED: Final = 2**22  # buckets in which the pairs are counted, before the table is made
_LEVELS: Final = 15  # the highest level of a pair: seen 2**15 times
_TOKENS_AT_ONCE: Final = 2**22
_MOST_RANKS: Final = 999
_KNOTS: Final = 6  # lengths of 1, 4, 16, ... tokens
_PRIOR: Final = 4  # texts' worth of the variance at all lengths, added at each one
_LARGEST: Final = 1e30  # of a stored number
_LEAST_VARIANCE: Final = 1e-9  # for a statistic that is the same in all held-out texts
_WEIGHTS: Final = (1.0, 1.0, 0.5, 1.0)  # of the statistics' squares

Floats = NDArray[np.float64]
PairTable = NDArray[np.uint8]


class ScoredTexts(NamedTuple):
    """The texts that are scored.

    Attributes:
        ids: Token ids, (tokens,). Every text starts with `[CLS]`.
        offsets: Where each text starts, and the end of the last, (texts + 1,).
        characters: The number of characters of each text; 0 if the text was cut, (texts,).
        energies: The result of `energies`, (texts,).
    """

    ids: NDArray[np.integer]
    offsets: NDArray[np.int64]
    characters: NDArray[np.int64]
    energies: Floats


def energies(logits: NDArray[np.float32], *, multi_label: bool) -> Floats:
    """Return the energy of each text: high if no class fits.

    Args:
        logits: (texts, classes).
        multi_label: Whether each label is a decision of its own; then its terms are added up (Wang
            et al. 2021, "Can multi-label classification networks know what they don't know?").
    """
    wide = logits.astype(np.float64)
    if multi_label:
        result: Floats = -np.logaddexp(0, wide).sum(axis=1)
        return result
    highest = wide.max(axis=1)
    single: Floats = -(highest + np.log(np.exp(wide - highest[:, None]).sum(axis=1)))
    return single


def pair_table(
    ids: NDArray[np.integer], offsets: NDArray[np.int64], earlier: PairTable | None = None
) -> PairTable:
    """Count pairs of adjacent tokens, on a scale of base-2 logarithms.

    Args:
        ids: Token ids of training or background texts, (tokens,).
        offsets: Where each text starts, and the end of the last, (texts + 1,).
        earlier: The table of the model that is continued; the higher level counts.

    Returns:
        The level of each bucket, 0 to 15: that of its most frequent pair.
    """
    highest = _pair_counts(ids, offsets).reshape(-1, _BUCKETS).max(axis=0).astype(np.int64)
    table: PairTable = np.minimum(np.rint(np.log2(highest + 1)), _LEVELS).astype(np.uint8)
    return table if earlier is None else np.maximum(table, earlier)


def _pair_counts(
    ids: NDArray[np.integer], offsets: NDArray[np.int64]
) -> NDArray[np.unsignedinteger]:
    """Count the pairs of each place, up to 65,535, (`_COUNTED`,)."""
    if _native.compiled is not None:
        found = np.zeros(_COUNTED, np.uint16)
        _native.compiled.count_pairs(
            np.ascontiguousarray(ids, np.int32), np.ascontiguousarray(offsets, np.int64), found
        )
        return found
    counts = np.zeros(_COUNTED, np.int64)
    inner = _inner(offsets)
    for start in range(0, len(ids), _TOKENS_AT_ONCE):
        before = max(start - 1, 0)
        stop = start + _TOKENS_AT_ONCE
        places = _hashes(ids[before:stop])[start - before :][inner[start:stop]]
        counts += np.bincount(places, minlength=_COUNTED)
    return np.minimum(counts, np.iinfo(np.uint16).max).astype(np.uint16)


@dataclass(frozen=True)
class OutOfScope:
    """What is known of the training texts, to score others.

    Attributes:
        pairs: The result of `pair_table` for the training texts.
        background: The same for background texts; None without any.
        longest: How many tokens most held-out texts have at most. Beyond it a statistic keeps its
            mean, and its variance falls as 1 / tokens.
        normal: The means and variances of each statistic at each length, (statistics, 2, lengths).
        ranks: Sums of held-out texts, ascending, at most 999.
    """

    pairs: PairTable
    background: PairTable | None
    longest: float
    normal: Floats
    ranks: Floats

    @classmethod
    def fit(
        cls,
        pairs: PairTable,
        background: PairTable | None,
        held_out: ScoredTexts,
        short: ScoredTexts,
    ) -> OutOfScope:
        """Fit on held-out texts, `FEWEST` or more, and on short pieces of them."""
        values = [
            np.concatenate(both)
            for both in zip(
                _statistics(pairs, background, held_out),
                _statistics(pairs, background, short),
                strict=True,
            )
        ]
        tokens = np.concatenate([_tokens(held_out), _tokens(short)])
        normal = np.stack([_fit_normal(row, tokens) for row in values])
        lengths = np.sort(_tokens(held_out))
        longest = max(float(lengths[99 * (len(lengths) - 1) // 100]), 1.0)
        sums = np.sort(cls(pairs, background, longest, normal, np.empty(0))._sums(held_out))
        if len(sums) > _MOST_RANKS:
            sums = sums[np.arange(1, _MOST_RANKS + 1) * len(sums) // (_MOST_RANKS + 1)]
        return cls(pairs, background, longest, normal, sums)

    def score(self, texts: ScoredTexts) -> Floats:
        """Return the share of known texts that are less unusual than each text, to 3 digits."""
        below = np.searchsorted(self.ranks, self._sums(texts), side="left")
        return np.round(below / (len(self.ranks) + 1), 3)

    def with_energies(self, before: Floats, after: Floats) -> OutOfScope:
        """Adapt to a model with other energies, which are given for the same texts, (texts,)."""
        factor = float(after.std() / max(float(before.std()), 1e-9))
        normal = self.normal.copy()
        normal[0, 0] = (normal[0, 0] - before.mean()) * factor + after.mean()
        normal[0, 1] *= factor**2
        return replace(self, normal=normal)

    def _sums(self, texts: ScoredTexts) -> Floats:
        tokens = _tokens(texts)
        sums, inside = np.zeros(len(tokens)), np.clip(tokens, 1, self.longest)
        values = _statistics(self.pairs, self.background, texts)
        for row, (means, variances), weight in zip(values, self.normal, _WEIGHTS, strict=False):
            variance = _at(variances, inside) * inside / np.maximum(tokens, 1)
            above = np.maximum(row - _at(means, inside), 0)
            squares = np.square(above) / np.maximum(variance, _LEAST_VARIANCE)
            sums += weight * np.where(np.isnan(row), 0, squares)
        return sums

    def to_tensors(self) -> dict[str, NDArray[Any]]:
        """Return everything as arrays, to be stored."""
        tables = {"pairs": self.pairs}
        if self.background is not None:
            tables["background"] = self.background
        packed = {name: table[::2] | table[1::2] << 4 for name, table in tables.items()}
        numbers = {"longest": np.array([self.longest]), "normal": self.normal, "ranks": self.ranks}
        return {**packed, **numbers}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[Any]]) -> OutOfScope:
        """Restore from stored arrays.

        Raises:
            ConfigError: If they are not what `to_tensors` returns.
        """
        background = _unpacked(tensors, "background") if "background" in tensors else None
        statistics = 3 if background is None else 4
        longest = _numbers(tensors, "longest", (1,), least=1)
        normal = _numbers(tensors, "normal", (statistics, 2, _KNOTS), least=-_LARGEST)
        ranks = _numbers(tensors, "ranks", (None,), least=0)
        if not FEWEST <= len(ranks) <= _MOST_RANKS:
            raise ConfigError(f"it has {len(ranks)} ranks")
        if (np.diff(ranks) < 0).any() or (normal[:, 1] < 0).any():
            raise ConfigError("its ranks fall, or a variance is below 0")
        pairs = _unpacked(tensors, "pairs")
        return cls(pairs, background, float(longest[0]), normal, ranks)


def characters_read(
    texts: Iterable[str], offsets: NDArray[np.int64], max_length: int
) -> NDArray[np.int64]:
    """Count the characters of each text; 0 where the text was cut, so that they are not known.

    Args:
        texts: The texts.
        offsets: Where each one starts in their token ids, and the end of the last.
        max_length: The number of tokens at which texts are cut.
    """
    lengths = np.diff(offsets)
    counts = np.fromiter(map(len, texts), np.int64, len(lengths))
    return np.where(lengths < max_length, counts, 0)


def _unpacked(tensors: Mapping[str, NDArray[Any]], name: str) -> PairTable:
    packed = tensors.get(name)
    if packed is None or packed.shape != (_BUCKETS // 2,) or packed.dtype != np.uint8:
        raise ConfigError(f"it has no table of {name}")
    return np.stack([packed & 15, packed >> 4], axis=1).ravel()


def _numbers(
    tensors: Mapping[str, NDArray[Any]], name: str, shape: tuple[int | None, ...], *, least: float
) -> Floats:
    values = tensors.get(name)
    if values is None or values.dtype != np.float64 or values.ndim != len(shape):
        raise ConfigError(f"it has no {name}")
    if any(size not in (None, given) for size, given in zip(shape, values.shape, strict=True)):
        raise ConfigError(f"its {name} have another shape")
    if not ((values >= least) & (values <= _LARGEST)).all():
        raise ConfigError(f"its {name} are out of range")
    return values


def _statistics(pairs: PairTable, background: PairTable | None, texts: ScoredTexts) -> list[Floats]:
    """Compute the statistics of texts, each (texts,); NaN where a text has none."""
    tokens = _tokens(texts)
    inner = _inner(texts.offsets)
    places = _hashes(texts.ids) % _BUCKETS
    levels = pairs[places] * inner
    starts = texts.offsets[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        per_pair = np.where(tokens > 1, 1 / (tokens - 1), np.nan)
        known = np.add.reduceat(levels, starts, dtype=np.float64) * per_pair
        counted = (texts.characters > 0) & (tokens > 0)  # blanks have no tokens
        sizes = np.where(counted, texts.characters / tokens, np.nan)
    found = [texts.energies, -known, -sizes]
    if background is not None:
        other = np.add.reduceat(background[places] * inner, starts, dtype=np.float64) * per_pair
        found.append(other - known)
    return found


def _tokens(texts: ScoredTexts) -> Floats:
    """Count the tokens of each text, without `[CLS]`."""
    return np.diff(texts.offsets).astype(np.float64) - 1


def _inner(offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Find the tokens that end a pair: neither `[CLS]` nor the one after it, (tokens,)."""
    inner = np.ones(offsets[-1] + 1, np.bool_)
    inner[offsets[:-1]] = False
    inner[offsets[:-1] + 1] = False
    return inner[:-1]


def _hashes(ids: NDArray[np.integer]) -> NDArray[np.uint32]:
    """Return the place of the pair that ends at each token, below `_COUNTED`, (tokens,)."""
    short = ids.astype(np.uint32)
    mixed = short * np.uint32(0x9E3779B1)
    mixed[1:] += short[:-1] * np.uint32(0x85EBCA77)
    mixed ^= mixed >> np.uint32(15)
    mixed *= np.uint32(0xC2B2AE3D)
    places: NDArray[np.uint32] = mixed >> np.uint32(10)
    return places


def _fit_normal(values: Floats, tokens: Floats) -> Floats:
    """Fit the mean and the variance of a statistic at each length, (2, lengths)."""
    given = ~np.isnan(values)
    values, tokens = values[given], tokens[given]
    if not len(values):
        return np.stack([np.zeros(_KNOTS), np.ones(_KNOTS)])
    counts = _totals(np.ones(len(values)), tokens)
    known = counts >= min(_PRIOR, counts.max())

    def filled(means: Floats) -> Floats:  # where there are too few texts, as at the nearest length
        result: Floats = np.interp(np.arange(_KNOTS), np.flatnonzero(known), means[known])
        return result

    means = filled(_totals(values, tokens) / np.maximum(counts, 1e-9))
    squares = np.square(values - _at(means, tokens))
    total = _totals(squares, tokens) + _PRIOR * squares.mean()
    return np.stack([means, filled(total / (counts + _PRIOR))])


def _knots(tokens: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return the knot below each length, and how far towards the next it is."""
    place = np.log2(np.clip(tokens, 1, 4 ** (_KNOTS - 1))) / 2
    below = np.minimum(place.astype(np.int64), _KNOTS - 2)
    return below, place - below


def _totals(values: Floats, tokens: Floats) -> Floats:
    """Add up values at the knots, each shared by the two next to its length."""
    below, share = _knots(tokens)
    before: Floats = np.bincount(below, values * (1 - share), _KNOTS).astype(np.float64)
    total: Floats = before + np.bincount(below + 1, values * share, _KNOTS)
    return total


def _at(knots: Floats, tokens: Floats) -> Floats:
    """Interpolate between the knots."""
    below, share = _knots(tokens)
    result: Floats = knots[below] * (1 - share) + knots[below + 1] * share
    return result
