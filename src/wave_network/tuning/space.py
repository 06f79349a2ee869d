"""What is searched: the size of the tables and how they are trained, within the folder's size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from wave_network.config import Label, Preset
from wave_network.data import column
from wave_network.errors import ConfigError
from wave_network.model_folder import parameter_counts
from wave_network.settings import customize
from wave_network.text import TextTokenizer

if TYPE_CHECKING:
    from datasets import Dataset

SHAPE: Final = ("hidden_size", "vocab_size", "bigram_buckets")
TRAINING: Final = (
    *("learning_rate", "embedding_rate", "embedding_epsilon"),
    *("token_dropout", "label_smoothing", "epochs"),
)

_HIDDEN_SIZES: Final = (0.5, 0.75, 1.0, 1.5, 2.0)  # in the preset's
_LEAST_VOCABULARY: Final = 512
_LEAST_BUCKETS: Final = 101
_LARGEST_VOCABULARY: Final = 262_144
_SMALL_FILES: Final = 16_000  # bytes: conformal.json, the card and the like, beside the labels
_EPOCH_RECORD: Final = 450  # bytes of a line of history.jsonl


@dataclass(frozen=True)
class FolderSize:
    """Tells about how many bytes a model folder will take, before there is one.

    Attributes:
        labels: The classes.
        vocabulary: Entries that the texts give at most.
        entry_bytes: What one of them takes in `tokenizer.json`.
    """

    labels: tuple[Label, ...]
    vocabulary: int
    entry_bytes: float

    @classmethod
    def measure(cls, training: Dataset, labels: tuple[Label, ...], vocab_size: int) -> FolderSize:
        """Learn the largest vocabulary of the search, once, to see what its entries take."""
        wanted = min(vocab_size, _LARGEST_VOCABULARY)
        tokenizer = TextTokenizer.train(column(training, "text"), wanted, 512)
        with TemporaryDirectory() as folder:
            tokenizer.save(folder)
            size = sum(path.stat().st_size for path in Path(folder).iterdir())
        return cls(labels, tokenizer.vocab_size, size / tokenizer.vocab_size)

    def estimate(self, preset: Preset) -> int:
        """Bytes of the folder of that preset's model."""
        entries = min(preset.vocab_size, self.vocabulary)
        config = preset.config(
            labels=self.labels, vocab_size=entries, cls_token_id=0, **preset.model
        )
        weights = 4 * parameter_counts(config)["total"]
        # The labels stand in the configuration and in the card.
        texts = _SMALL_FILES + 2 * len(json.dumps(self.labels, indent=2))
        return round(weights + self.entry_bytes * entries + texts) + (
            _EPOCH_RECORD * preset.train.epochs
        )


@dataclass(frozen=True)
class SearchSpace:
    """The settings that are tried, around a preset.

    Attributes:
        default: Where the search starts: the preset, made to fit.
        size: Estimates what a folder takes.
        limit: Bytes that it may take.
    """

    default: Preset
    size: FolderSize
    limit: int

    @classmethod
    def around(
        cls, preset: Preset, training: Dataset, labels: tuple[Label, ...], max_size: int | None
    ) -> SearchSpace:
        """The space around a preset for these texts.

        Args:
            preset: With the seed of all trials.
            training: What is learnt from, column `text`.
            labels: The classes.
            max_size: Bytes that the folder may take; None: as many as the preset's.

        Raises:
            ConfigError: If no model is that small.
        """
        # What `min_steps` makes of the epochs and the rate, so that they alone are searched.
        texts = len(training)
        lengthened = {
            "epochs": preset.train.epochs_for(texts),
            "learning_rate": preset.train.learning_rate_for(texts),
        }
        default = customize(preset, lengthened)
        growth = max(
            1.0, (max_size or 0) / FolderSize(labels, preset.vocab_size, 0).estimate(preset)
        )
        size = FolderSize.measure(training, labels, round(2 * growth * preset.vocab_size))
        limit = max_size or size.estimate(default)
        return cls(shrink(default, size, limit), size, limit)

    @property
    def default_values(self) -> dict[str, Any]:
        """The default as a point of the space."""
        return settings(self.default)

    @cached_property
    def distributions(self) -> dict[str, BaseDistribution]:
        """What each setting may be."""
        at = self.default_values
        growth = 2 * max(1.0, self.limit / self.size.estimate(self.default))
        most = max(at["vocab_size"], min(round(growth * at["vocab_size"]), self.size.vocabulary))
        least = max(_LEAST_VOCABULARY, min(at["vocab_size"], self.size.vocabulary) // 4)
        buckets = at["bigram_buckets"]
        return {
            "hidden_size": CategoricalDistribution(self._hidden_sizes()),
            "vocab_size": IntDistribution(min(least, at["vocab_size"]), most, log=True),
            "bigram_buckets": IntDistribution(
                min(buckets, max(_LEAST_BUCKETS, buckets // 8)), round(growth * buckets), log=True
            ),
            "learning_rate": _around(at["learning_rate"], 3),
            "embedding_rate": _around(at["embedding_rate"], 3),
            "embedding_epsilon": _around(at["embedding_epsilon"], 10),
            "token_dropout": FloatDistribution(0.0, 0.8),
            "label_smoothing": FloatDistribution(0.0, 0.2),
            "epochs": IntDistribution(max(1, at["epochs"] // 2), 2 * at["epochs"], log=True),
        }

    def _hidden_sizes(self) -> list[int]:
        """Those with which the smallest tables fit, and the default's."""
        usual: int = self.default_values["hidden_size"]
        longest = 2 * self.default.train.epochs

        def fits(hidden_size: int) -> bool:
            wide = customize(self.default, {"hidden_size": hidden_size, "epochs": longest})
            return self.size.estimate(_with_share(wide, self.size, 0.0)) <= self.limit

        others = {max(1, round(share * usual)) for share in _HIDDEN_SIZES} - {usual}
        return sorted({usual, *filter(fits, others)})

    def candidate(self, values: Mapping[str, Any]) -> Preset:
        """The preset at a point of the space; where it is too large, its tables shrink alike."""
        return shrink(customize(self.default, values), self.size, self.limit)


def settings(preset: Preset) -> dict[str, Any]:
    """What of a preset is searched, by name, and its value."""
    shape = preset.config(labels=("any", "other"), vocab_size=1, cls_token_id=0, **preset.model)
    return {
        **{name: getattr(shape, name) for name in SHAPE},
        "vocab_size": preset.vocab_size,
        **{name: getattr(preset.train, name) for name in TRAINING},
    }


def shrink(preset: Preset, size: FolderSize, limit: int) -> Preset:
    """Take rows from both embedding tables, the same share, until the folder fits.

    Raises:
        ConfigError: If even the smallest tables are too large.
    """
    if size.estimate(preset) <= limit:
        buckets = settings(preset)["bigram_buckets"]
        prime = _prime(buckets)
        return preset if prime == buckets else customize(preset, {"bigram_buckets": prime})
    if (smallest := size.estimate(_with_share(preset, size, 0))) > limit:
        raise ConfigError(
            f"no model is as small as --max-size {limit:,} bytes: the smallest takes about "
            f"{smallest:,}"
        )
    low, high = 0.0, 1.0
    for _ in range(20):  # to a millionth of the rows
        middle = (low + high) / 2
        fits = size.estimate(_with_share(preset, size, middle)) <= limit
        low, high = (middle, high) if fits else (low, middle)
    return _with_share(preset, size, low)


def _with_share(preset: Preset, size: FolderSize, share: float) -> Preset:
    """The preset with that share of the rows of both tables."""
    shape = settings(preset)
    entries, buckets = min(shape["vocab_size"], size.vocabulary), shape["bigram_buckets"]
    rows = {
        "vocab_size": max(min(_LEAST_VOCABULARY, entries), int(share * entries)),
        "bigram_buckets": _prime(max(min(_LEAST_BUCKETS, buckets), int(share * buckets))),
    }
    return customize(preset, rows)


def _around(value: float, factor: float) -> FloatDistribution:
    return FloatDistribution(value / factor, value * factor, log=True)


def _prime(number: int) -> int:
    """The largest prime number up to this one: pairs of tokens spread best over so many rows."""
    while number > 2 and any(number % divisor == 0 for divisor in range(2, int(number**0.5) + 1)):
        number -= 1
    return number
