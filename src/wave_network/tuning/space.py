"""The search space: table sizes and training settings, within a limit on the folder's size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from wave_network.config import Preset
from wave_network.config.local_wave import largest_prime
from wave_network.config.settings import customize
from wave_network.data import Table, column
from wave_network.data.labels import Labelling
from wave_network.data.targets import Targets, class_totals
from wave_network.errors import ConfigError, option_name
from wave_network.models.tensors import tensor_shapes
from wave_network.text import TextTokenizer
from wave_network.training.recipe import MULTI_LABEL_TOKEN_DROPOUT

SHAPE: Final = ("hidden_size", "vocab_size", "bigram_buckets", "linear_size")
TRAINING: Final = (
    *("learning_rate", "embedding_rate", "embedding_epsilon"),
    *("token_dropout", "label_smoothing", "epochs", "class_weight"),
)

_HIDDEN_SIZES: Final = (0.5, 0.75, 1.0, 1.5, 2.0)  # times the preset's
_LEAST_VOCABULARY: Final = 512
_LEAST_BUCKETS: Final = 101
_LARGEST_VOCABULARY: Final = 262_144
_SMALL_FILES: Final = 16_000  # bytes of conformal.json, the card and so on, without labels
_OUT_OF_SCOPE: Final = 36_000  # bytes of out_of_scope.safetensors
_EPOCH_RECORD: Final = 450  # bytes of a line of history.jsonl
_THRESHOLD: Final = 30  # bytes of a line of config.json
_MOST_TOKEN_DROPOUT: Final = 0.8
_IMBALANCED: Final = 1.5  # least ratio of the largest class to the smallest


@dataclass(frozen=True)
class FolderSize:
    """Estimates the size of a model folder before the model is trained.

    Attributes:
        labelling: The classes, and whether the data is multi-label.
        vocabulary: The largest vocabulary that the texts allow.
        entry_bytes: Mean bytes of an entry in `tokenizer.json`.
    """

    labelling: Labelling
    vocabulary: int
    entry_bytes: float

    @classmethod
    def measure(cls, training: Table, labelling: Labelling, vocab_size: int) -> FolderSize:
        """Train the largest vocabulary of the search, to measure the size of its entries."""
        wanted = min(vocab_size, _LARGEST_VOCABULARY)
        tokenizer = TextTokenizer.train(column(training, "text"), wanted, 512)
        with TemporaryDirectory() as folder:
            tokenizer.save(folder)
            size = sum(path.stat().st_size for path in Path(folder).iterdir())
        return cls(labelling, tokenizer.vocab_size, size / tokenizer.vocab_size)

    def estimate(self, preset: Preset) -> int:
        """Estimate the bytes of the folder of a preset's model."""
        entries = min(preset.vocab_size, self.vocabulary)
        classes = self.labelling.classes
        config = preset.config(
            labels=classes,
            problem_type=self.labelling.problem_type,
            vocab_size=entries,
            cls_token_id=0,
            **preset.model,
        ).with_sparse_linear_part()
        weights = 4 * sum(map(prod, tensor_shapes(config).values()))
        # The labels are stored twice: in the configuration and in the card.
        texts = _SMALL_FILES + _OUT_OF_SCOPE + 2 * len(json.dumps(classes, indent=2))
        texts += _THRESHOLD * len(classes) if self.labelling.multi_label else 0
        return round(weights + self.entry_bytes * entries + texts) + (
            _EPOCH_RECORD * preset.train.epochs
        )


@dataclass(frozen=True)
class SearchSpace:
    """The settings to try, around a preset.

    Attributes:
        default: The starting point: the preset, shrunk to fit.
        size: Estimates the size of a folder.
        limit: Maximum size of a folder in bytes.
        class_weights: Whether `class_weight` is searched.
    """

    default: Preset
    size: FolderSize
    limit: int
    class_weights: bool = False

    @classmethod
    def around(
        cls,
        preset: Preset,
        training: Table,
        labelling: Labelling,
        max_size: int | None,
        *,
        class_weights: bool = False,
    ) -> SearchSpace:
        """Build the space around a preset for given texts.

        Args:
            preset: The preset, with the seed of all trials.
            training: The training texts, columns `text` and `label`.
            labelling: The classes, and whether the data is multi-label.
            max_size: Maximum size of the folder in bytes; None: the preset's.
            class_weights: Whether to search `class_weight`; not for multi-label data.

        Raises:
            ConfigError: If even the smallest model is too large.
        """
        # The epochs, batch size and learning rate that `fit` uses for this number of texts.
        train = preset.train.for_texts(len(training))
        names = ("epochs", "batch_size", "learning_rate")
        fixed = {name: getattr(train, name) for name in names}
        if labelling.multi_label:
            # `fit` limits it to this.
            dropout = min(preset.train.token_dropout, MULTI_LABEL_TOKEN_DROPOUT)
            fixed["token_dropout"] = dropout
        default = customize(preset, fixed)
        growth = max(
            1.0,
            (max_size or 0) / FolderSize(labelling, preset.vocab_size, 0).estimate(preset),
        )
        size = FolderSize.measure(training, labelling, round(2 * growth * preset.vocab_size))
        limit = max_size or size.estimate(default)
        return cls(shrink(default, size, limit), size, limit, class_weights)

    @property
    def default_values(self) -> dict[str, Any]:
        """The default's values of the searched settings."""
        return self.settings(self.default)

    @property
    def starts(self) -> list[dict[str, Any]]:
        """The first trials: the default, and if searched, the default with class weights."""
        default = self.default_values
        weighted = {**default, "class_weight": "balanced"}
        return [default, weighted] if self.class_weights else [default]

    def settings(self, preset: Preset) -> dict[str, Any]:
        """Return a preset's values of the searched settings, by name."""
        values = settings(preset)
        if not self.class_weights:
            del values["class_weight"]
        return values

    @cached_property
    def distributions(self) -> dict[str, BaseDistribution]:
        """The range of each setting."""
        at = self.default_values
        growth = 2 * max(1.0, self.limit / self.size.estimate(self.default))
        most = max(at["vocab_size"], min(round(growth * at["vocab_size"]), self.size.vocabulary))
        least = max(_LEAST_VOCABULARY, min(at["vocab_size"], self.size.vocabulary) // 4)
        buckets = at["bigram_buckets"]
        multi_label = self.size.labelling.multi_label
        dropout = MULTI_LABEL_TOKEN_DROPOUT if multi_label else _MOST_TOKEN_DROPOUT
        weights = {"class_weight": CategoricalDistribution([None, "balanced"])}
        return {
            "hidden_size": CategoricalDistribution(self._hidden_sizes()),
            "vocab_size": IntDistribution(min(least, at["vocab_size"]), most, log=True),
            "bigram_buckets": IntDistribution(
                min(buckets, max(_LEAST_BUCKETS, buckets // 8)), round(growth * buckets), log=True
            ),
            "linear_size": IntDistribution(0, round(growth * at["linear_size"])),
            "learning_rate": _log_range(at["learning_rate"], 3),
            "embedding_rate": _log_range(at["embedding_rate"], 3),
            "embedding_epsilon": _log_range(at["embedding_epsilon"], 10),
            "token_dropout": FloatDistribution(0.0, dropout),
            "label_smoothing": FloatDistribution(0.0, 0.2),
            "epochs": IntDistribution(max(1, at["epochs"] // 2), 2 * at["epochs"], log=True),
            **(weights if self.class_weights else {}),
        }

    def _hidden_sizes(self) -> list[int]:
        """Return the default's width, and those with which the smallest tables fit the limit."""
        usual: int = self.default_values["hidden_size"]
        longest = 2 * self.default.train.epochs

        def fits(hidden_size: int) -> bool:
            wide = customize(self.default, {"hidden_size": hidden_size, "epochs": longest})
            return self.size.estimate(_with_share(wide, self.size, 0.0)) <= self.limit

        others = {max(1, round(share * usual)) for share in _HIDDEN_SIZES} - {usual}
        return sorted({usual, *filter(fits, others)})

    def candidate(self, values: Mapping[str, Any]) -> Preset:
        """Return the preset with these values; if too large, all tables shrink by one factor."""
        return shrink(customize(self.default, values), self.size, self.limit)


def class_weights_may_help(metric: str, targets: Targets, labelling: Labelling) -> bool:
    """Return whether to search `class_weight`: for macro F1 with imbalanced classes.

    Class weights raise the recall of rare classes at the expense of common ones.

    Args:
        metric: The metric to optimise; macro F1 gives every class the same weight.
        targets: Targets of the training texts.
        labelling: The classes. Multi-label data has no class weights.
    """
    if labelling.multi_label:
        return False
    sizes = class_totals(targets, len(labelling.classes))
    return metric == "macro_f1" and bool(sizes.max() >= _IMBALANCED * sizes.min())


def settings(preset: Preset) -> dict[str, Any]:
    """Return a preset's values of all settings that can be searched, by name."""
    shape = preset.config(labels=("any", "other"), vocab_size=1, cls_token_id=0, **preset.model)
    return {
        **{name: getattr(shape, name) for name in SHAPE},
        "vocab_size": preset.vocab_size,
        **{name: getattr(preset.train, name) for name in TRAINING},
    }


def shrink(preset: Preset, size: FolderSize, limit: int) -> Preset:
    """Remove the same share of rows from all tables until the folder fits.

    Raises:
        ConfigError: If even the smallest tables are too large.
    """
    if size.estimate(preset) <= limit:
        buckets = settings(preset)["bigram_buckets"]
        prime = largest_prime(buckets)
        return preset if prime == buckets else customize(preset, {"bigram_buckets": prime})
    if (smallest := size.estimate(_with_share(preset, size, 0))) > limit:
        raise ConfigError(
            f"no model fits into {option_name('max_size')} {limit:,} bytes: the smallest "
            f"takes about {smallest:,}"
        )
    low, high = 0.0, 1.0
    for _ in range(20):  # bisection, to a millionth of the rows
        middle = (low + high) / 2
        fits = size.estimate(_with_share(preset, size, middle)) <= limit
        low, high = (middle, high) if fits else (low, middle)
    return _with_share(preset, size, low)


def _with_share(preset: Preset, size: FolderSize, share: float) -> Preset:
    """Return the preset with this share of the rows of all tables."""
    shape = settings(preset)
    entries, buckets = min(shape["vocab_size"], size.vocabulary), shape["bigram_buckets"]
    rows = {
        "vocab_size": max(min(_LEAST_VOCABULARY, entries), int(share * entries)),
        "bigram_buckets": largest_prime(max(min(_LEAST_BUCKETS, buckets), int(share * buckets))),
        "linear_size": int(share * shape["linear_size"]),
    }
    return customize(preset, rows)


def _log_range(value: float, factor: float) -> FloatDistribution:
    return FloatDistribution(value / factor, value * factor, log=True)
