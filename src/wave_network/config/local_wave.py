"""The configuration of a `LocalWaveNetwork`: `small`, `tiny` and `large`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import isqrt
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from wave_network.config.base import ClassifierConfig
from wave_network.config.checks import (
    check_choice,
    check_range,
    check_tables,
    check_whole,
    shortened,
)
from wave_network.config.options import Label
from wave_network.errors import ConfigError

if TYPE_CHECKING:
    from typing_extensions import Self

Ngram: TypeAlias = Literal["pair", "skip-pair", "triple"]

_LEAST_BUCKETS: Final = 2.5  # a token, of a dense linear part
_MANY_LABELS: Final = 20  # from this number on a linear part may be sparse:
_SPARSE_COLUMNS: Final = 8  # it has `linear_size` / 8 buckets,
_SPARSE_SHARE: Final = 3  # and `linear_size` / 3 weights; more are hardly more accurate


@lru_cache
def largest_prime(number: int) -> int:
    """The largest prime number up to a number; below 2, the number itself."""
    while number > 2 and any(number % divisor == 0 for divisor in range(2, isqrt(number) + 1)):
        number -= 1
    return number


def tokens_beside_linear_part(linear_size: int, labels: int, vocab_size: int) -> int:
    """Return the largest vocabulary up to `vocab_size` that leaves a dense linear part its buckets.

    Args:
        linear_size: As in `LocalWaveConfig`; 0: there is no linear part to leave room for.
        labels: Number of labels.
        vocab_size: What the vocabulary has at most.
    """
    if not linear_size:
        return vocab_size
    return min(vocab_size, int(largest_prime(linear_size // labels) / _LEAST_BUCKETS))


def least_linear_size(labels: int, vocab_size: int) -> int:
    """Return a `linear_size` with which a vocabulary of this size has a linear part."""
    return labels * (3 * vocab_size + 100)  # a prime is near


@dataclass(frozen=True, kw_only=True)
class LocalWaveConfig(ClassifierConfig):
    """The configuration of a `LocalWaveNetwork`.

    Attributes:
        hidden_size: Dimensions of each of a token's two variants, per member.
        bigram_buckets: Rows of the embedding table of hashed bigrams; best a prime number.
        bigram_size: Columns of that table, per member.
        feed_forward_size: Width of the feed-forward layer.
        members: Number of classifiers in the ensemble. Each has its own columns of the tables and
            is trained by itself; the prediction is their mean.
        linear_size: Largest number of weights of hashed n-grams in the linear part; 0: no linear
            part. See `linear_buckets`.
        linear_ngrams: N-grams that the linear part reads beside tokens: `pair` (bigrams; required),
            `skip-pair` (skip-bigrams that leave out one token), `triple` (trigrams). They share the
            buckets.
        sparse_linear_size: Number of weights that a sparse linear part keeps; 0: the linear part,
            if any, is dense. A sparse one keeps only the largest weights of all tokens and n-grams
            for all labels. See `with_sparse_linear_part`.

    The other fields are those of `ClassifierConfig`.
    """

    hidden_size: int = 16
    bigram_buckets: int = 262_139
    bigram_size: int = 4
    feed_forward_size: int = 64
    members: int = 1
    linear_size: int = 0
    linear_ngrams: tuple[Ngram, ...] = ("pair",)
    sparse_linear_size: int = 0

    architecture = "local-wave"
    can_be_continued = True

    def __post_init__(self) -> None:
        """As `ClassifierConfig`'s."""
        super().__post_init__()
        sizes = ("hidden_size", "bigram_buckets", "bigram_size", "feed_forward_size", "members")
        check_whole(self, *sizes)
        for name in sizes:
            check_range(name, getattr(self, name), 1, None)
        for name in ("linear_size", "sparse_linear_size"):
            check_whole(self, name)
            check_range(name, getattr(self, name), 0, None)
        self._check_ngrams()
        features = 3 * self.hidden_size + self.bigram_size
        check_tables(
            embedding=(self.vocab_size, 2 * self.members, self.hidden_size),
            pairs=(self.bigram_buckets, self.members, self.bigram_size),
            feed_forward=(self.members, features, self.feed_forward_size),
            classifier=(self.members, features + self.feed_forward_size, self.num_labels),
            sparse_linear=(self.sparse_linear_size,),
        )
        if self.initializer_range == 0:
            raise ConfigError(
                "initializer_range must be above 0: a network that starts at 0 learns nothing"
            )

    def _check_ngrams(self) -> None:
        if not isinstance(self.linear_ngrams, tuple):
            raise ConfigError(f"linear_ngrams must be a list; got {shortened(self.linear_ngrams)}")
        for ngram in self.linear_ngrams:
            check_choice("linear_ngrams", ngram, get_args(Ngram))
        if "pair" not in self.linear_ngrams:
            raise ConfigError('linear_ngrams must include "pair"')
        if len(set(self.linear_ngrams)) != len(self.linear_ngrams):
            raise ConfigError("linear_ngrams must not repeat a kind of n-gram")

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON values; `sparse_linear_size` only of a sparse linear part."""
        values = {**super().to_dict(), "linear_ngrams": list(self.linear_ngrams)}
        if not self.sparse_linear_size:  # earlier versions, which lack the field, read the rest
            del values["sparse_linear_size"]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """As `ClassifierConfig.from_dict`."""
        if isinstance(ngrams := values.get("linear_ngrams"), list):
            values = {**values, "linear_ngrams": tuple(ngrams)}
        return super().from_dict(values)

    @property
    def feature_sizes(self) -> tuple[int, int, int, int]:
        """Columns of each kind of feature of a member.

        In order: the coherent sums, the roots of the tokens' energies, the roots of the local
        waves' energies, and the bigrams.
        """
        return self.hidden_size, self.hidden_size, self.hidden_size, self.bigram_size

    @property
    def feature_size(self) -> int:
        """Columns of all features of a member together."""
        return sum(self.feature_sizes)

    @property
    def has_linear_part(self) -> bool:
        """Whether there is a linear part; see `linear_buckets`."""
        return self.linear_buckets > 0

    def extended(self, labels: tuple[Label, ...], vocab_size: int) -> Self:
        """As `ClassifierConfig.extended`; the n-grams keep their buckets."""
        extended = super().extended(labels, vocab_size)
        if self.sparse_linear_size:
            return extended
        return replace(extended, linear_size=self.linear_buckets * len(labels))

    def with_sparse_linear_part(self) -> Self:
        """As `ClassifierConfig.with_sparse_linear_part`."""
        if not self.linear_size or self.has_linear_part or self.num_labels < _MANY_LABELS:
            return self
        return replace(self, sparse_linear_size=max(self.linear_size // _SPARSE_SHARE, 1))

    @property
    def linear_buckets(self) -> int:
        """Number of hash buckets of the linear part; 0: no linear part.

        The buckets of a dense linear part have a weight per label. It has the largest prime number
        of them that `linear_size` allows, and is left out if these are fewer than 2.5 per token:
        with that many labels, the weights of its tokens would exceed the preset's number of
        parameters. A sparse one has an eighth of `linear_size`, with any number of labels.
        """
        if self.sparse_linear_size:
            return largest_prime(max(self.linear_size // _SPARSE_COLUMNS, 1))
        buckets = largest_prime(self.linear_size // self.num_labels)
        return buckets if buckets >= _LEAST_BUCKETS * self.vocab_size else 0
