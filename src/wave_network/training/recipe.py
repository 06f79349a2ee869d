"""The recipe of a training run, and the objects that all its steps share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from wave_network.config import Preset, TrainConfig, override
from wave_network.config.options import AUTO_VECTORS, NO_VECTORS
from wave_network.data import Table, TrainingData
from wave_network.data.labels import Labelling
from wave_network.errors import ConfigError, DataError, option_name
from wave_network.few_labels.vectors import WordVectors
from wave_network.persistence.folder import ModelFiles
from wave_network.scale.cache import Cache
from wave_network.training.callbacks import Progress
from wave_network.training.checkpoint import Checkpoints
from wave_network.training.interrupt import StopSignal

MULTI_LABEL_TOKEN_DROPOUT: Final = 0.1
"""Maximum token dropout with multi-label data, where few tokens indicate each label."""

_MOST_LOGITS: Final = 2_000_000_000
"""Bounds the time of training with thousands of classes: texts times classes times epochs."""


class Reading(NamedTuple):
    """How the texts are read.

    Attributes:
        vocab_size: Vocabulary size; None: the preset's, which is enough for whole words. With a
            small one, texts are read in pieces of words, and trigrams of these.
        cased: Whether capital letters are kept.
    """

    vocab_size: int | None = None
    cased: bool = False

    @property
    def description(self) -> str:
        """The reading in words."""
        units = "words"
        if self.vocab_size is not None:
            units = f"pieces of words, of which there are {self.vocab_size:,}"
        case = "capital letters are kept" if self.cased else "in lower case"
        return f"texts are read in {units}, {case}"


USUAL_READING: Final = Reading()


@dataclass(frozen=True)
class Recipe:
    """A recipe for training a model.

    Attributes:
        preset: The model's shape and vocabulary; for a continued model, the result of
            `continued_preset`.
        config: How to train; with multi-label data, `token_dropout` is 0.1 at most. With thousands
            of classes there are fewer epochs, unless their number was given.
        model_options: Fields of the model's configuration that replace the preset's.
        tokenizer: A folder, file or Hub id to take the tokenizer from. None: the preset's, if it
            has one that can be downloaded; else one trained on the training texts.
        base: The model to continue: new classes and words are added.
        reading: How the texts are read, if a tokenizer is trained on them.
        vectors: The word vectors that the model starts with; None: none, or none chosen yet.
        threads: How many threads training may use; None: all that are available.
        cache: Keeps the encoded texts; None: nothing does.
    """

    preset: Preset
    config: TrainConfig
    model_options: Mapping[str, Any] = field(default_factory=dict)
    tokenizer: str | None = None
    base: ModelFiles | None = None
    reading: Reading = USUAL_READING
    vectors: WordVectors | None = None
    threads: int | None = None
    cache: Cache | None = None

    @classmethod
    def of(
        cls,
        preset: Preset,
        *,
        train_options: Mapping[str, Any],
        model_options: Mapping[str, Any],
        tokenizer: str | None = None,
        base: ModelFiles | None = None,
        threads: int | None = None,
        cache: Cache | None = None,
    ) -> Recipe:
        """Return a preset's recipe with some options replaced; None keeps the preset's value.

        Args:
            preset: See `Recipe`.
            train_options: Fields of `TrainConfig`.
            model_options: Fields of the model's configuration.
            tokenizer: See `Recipe`.
            base: See `Recipe`.
            threads: See `Recipe`.
            cache: See `Recipe`.

        Raises:
            ConfigError: If a training option has a wrong value.
        """
        given = {name: value for name, value in model_options.items() if value is not None}
        config = override(preset.train, **train_options)
        return cls(preset, config, given, tokenizer, base, threads=threads, cache=cache)

    @property
    def shape(self) -> dict[str, Any]:
        """The fields of the model's configuration that preset and user choose."""
        return {**self.preset.model, **self.model_options}

    @property
    def in_pieces(self) -> bool:
        """Whether texts are read in pieces of words, also by the model to continue."""
        if self.base is not None:
            return bool(self.base.metrics.get("in_pieces"))
        return self.reading.vocab_size is not None

    def suited_to(self, data: TrainingData, labelling: Labelling) -> Recipe:
        """Return the recipe adapted to the data.

        Raises:
            ConfigError: If the data and the recipe do not fit together.
            DataError: If there are background texts, but none in them.
        """
        config = self._with_affordable_epochs(len(data.rows) * len(labelling.classes))
        if self.base is not None and config.refit:
            raise ConfigError(
                f"a continued model is not refitted: leave {option_name('refit')} out"
            )
        if self.base is not None and config.vectors not in (AUTO_VECTORS, NO_VECTORS):
            raise ConfigError(
                "a continued model keeps the words that it knows: leave "
                f"{option_name('vectors')} out, or train from scratch"
            )
        if data.unlabeled is not None and config.teacher is None:
            self._check_unlabelled(data.unlabeled, labelling)
        if data.background is not None and not len(data.background):
            raise DataError(
                f"there are no background texts: give some, or leave {option_name('background')}"
                " out"
            )
        if not labelling.multi_label:
            return replace(self, config=config)
        if config.teacher is not None:
            raise ConfigError("a teacher gives each text one label: leave it out with label lists")
        if config.class_weight is not None:
            raise ConfigError(
                "class weights are for one label a text: leave them out with label lists, where "
                "each label has a threshold"
            )
        dropout = min(config.token_dropout, MULTI_LABEL_TOKEN_DROPOUT)
        return replace(self, config=replace(config, token_dropout=dropout))

    def _check_unlabelled(self, unlabelled: Table, labelling: Labelling) -> None:
        """Refuse unlabelled texts that no model was named for, and that cannot be used."""
        unlabeled = option_name("unlabeled")
        if self.base is not None:
            raise ConfigError(
                f"a continued model learns from unlabelled texts only with a "
                f"{option_name('teacher')} (which can be the model itself): name one, or train "
                f"from scratch"
            )
        if labelling.multi_label:
            raise ConfigError(
                f"unlabelled texts are for one label a text: leave {unlabeled} out with label lists"
            )
        if not len(unlabelled):
            raise DataError(f"there are no unlabelled texts: give some, or leave {unlabeled} out")

    def _with_affordable_epochs(self, logits: int) -> TrainConfig:
        """Return the settings, with fewer epochs if an epoch computes very many logits.

        With so many classes, the linear part answers nearly alone, and it has no epochs.
        """
        config = self.config
        if not config.min_steps:  # their number was given
            return config
        return replace(config, epochs=min(config.epochs, max(1, _MOST_LOGITS // logits)))

    def refits(self, data: TrainingData, texts: int, *, characters: bool) -> bool:
        """Whether to refit: to train a second model on all texts, the held-out ones included.

        Args:
            data: The training data; with validation data, no texts are held out.
            texts: Number of texts, training and held out.
            characters: Whether most tokens are characters, as in scripts without spaces.
        """
        fresh = self.base is None and data.validation is None
        return fresh and self.config.refits(texts, characters=characters)


@dataclass(frozen=True)
class Run:
    """The objects that all steps of a training run share.

    Attributes:
        recipe: How to train.
        labelling: The model's labelling.
        progress: Receives every stage, step and epoch.
        stop: Ends training early.
        checkpoints: Gives each of the run's trainings, one after the other, the place of its
            checkpoints; None: there are none.
    """

    recipe: Recipe
    labelling: Labelling
    progress: Progress
    stop: StopSignal
    checkpoints: Iterator[Checkpoints] | None = None

    def next_checkpoints(self) -> Checkpoints | None:
        """Return the place of the next training's checkpoints."""
        return None if self.checkpoints is None else next(self.checkpoints)

    @property
    def config(self) -> TrainConfig:
        """The recipe's training settings."""
        return self.recipe.config
