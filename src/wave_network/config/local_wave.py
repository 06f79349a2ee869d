"""The shape of a `LocalWaveNetwork`: `small`, `tiny` and `large`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from wave_network.config.base import ClassifierConfig
from wave_network.config.checks import check_choice, check_range, check_whole
from wave_network.errors import ConfigError

if TYPE_CHECKING:
    from typing_extensions import Self

Ngram: TypeAlias = Literal["pair", "skip-pair", "triple"]


def largest_prime(number: int) -> int:
    """The largest prime up to a number; below 2, the number itself."""
    while number > 2 and any(number % divisor == 0 for divisor in range(2, isqrt(number) + 1)):
        number -= 1
    return number


@dataclass(frozen=True, kw_only=True)
class LocalWaveConfig(ClassifierConfig):
    """The shape of a `LocalWaveNetwork`: neighbours' waves and hashed pairs of tokens.

    Attributes:
        hidden_size: Dimensions of each of a token's two variants, for each member.
        bigram_buckets: Rows of the table that pairs of neighbouring tokens share by hashing; best
            a prime number.
        bigram_size: Its columns, for each member.
        feed_forward_size: Width of the feed-forward layer.
        members: Classifiers that read columns of their own, learn each by itself, and answer with
            their mean.
        linear_size: Numbers that the linear part may keep for hashed n-grams; 0: no linear part.
            See `linear_buckets`.
        linear_ngrams: What the linear part reads beside tokens: `pair`s of neighbours, always;
            `skip-pair`s, a token and the one before its predecessor; `triple`s of neighbours. All
            share the buckets.

    The other fields are those of `ClassifierConfig`.
    """

    hidden_size: int = 16
    bigram_buckets: int = 262_139
    bigram_size: int = 4
    feed_forward_size: int = 64
    members: int = 1
    linear_size: int = 0
    linear_ngrams: tuple[Ngram, ...] = ("pair",)

    architecture = "local-wave"

    def __post_init__(self) -> None:
        """As `ClassifierConfig`'s."""
        super().__post_init__()
        sizes = ("hidden_size", "bigram_buckets", "bigram_size", "feed_forward_size", "members")
        check_whole(self, *sizes)
        for name in sizes:
            check_range(name, getattr(self, name), 1, None)
        check_whole(self, "linear_size")
        check_range("linear_size", self.linear_size, 0, None)
        self._check_ngrams()
        if self.initializer_range == 0:
            raise ConfigError("initializer_range must be above 0: waves that are 0 learn nothing")

    def _check_ngrams(self) -> None:
        if not isinstance(self.linear_ngrams, tuple):
            raise ConfigError(f"linear_ngrams must be a list; got {self.linear_ngrams!r}")
        for ngram in self.linear_ngrams:
            check_choice("linear_ngrams", ngram, get_args(Ngram))
        if "pair" not in self.linear_ngrams:
            raise ConfigError('linear_ngrams must name "pair"')
        if len(set(self.linear_ngrams)) != len(self.linear_ngrams):
            raise ConfigError("linear_ngrams must not name one twice")

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return {**super().to_dict(), "linear_ngrams": list(self.linear_ngrams)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """As `ClassifierConfig.from_dict`."""
        if isinstance(ngrams := values.get("linear_ngrams"), list):
            values = {**values, "linear_ngrams": tuple(ngrams)}
        return super().from_dict(values)

    @property
    def linear_buckets(self) -> int:
        """Rows of the linear part's hashed n-grams, each with a number a label; 0: no linear part.

        As many as `linear_size` allows, and a prime number. With so many labels that there would
        be less than 2.5 for each token there is no linear part: its tokens would outgrow a preset's
        number of parameters.
        """
        buckets = largest_prime(self.linear_size // self.num_labels)
        return buckets if buckets >= 2.5 * self.vocab_size else 0
