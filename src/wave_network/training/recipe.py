"""How a model is trained, as one object, and what every step of a training run is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from wave_network.config import Preset, TrainConfig
from wave_network.data import TrainingData
from wave_network.data.labels import Labelling
from wave_network.errors import ConfigError, option_name
from wave_network.persistence.folder import ModelFiles
from wave_network.training.callbacks import Progress
from wave_network.training.stop import StopSignal

MULTI_LABEL_TOKEN_DROPOUT: Final = 0.1
"""At most so many tokens are left out where a text may have several labels: few speak for each."""


@dataclass(frozen=True)
class Recipe:
    """How a model is trained.

    Attributes:
        preset: The model's shape and vocabulary; of a model whose training continues, what
            `continued_preset` gives.
        config: How to train; with lists of labels, `token_dropout` is 0.1 at most.
        model_options: Fields of the model's configuration that replace the preset's.
        tokenizer: A folder, file or Hub id to take the tokenizer from; None trains one on the
            training texts, or takes the one that the preset prefers if it can be had.
        base: The model to continue training: its classes, vocabulary and weights grow.
    """

    preset: Preset
    config: TrainConfig
    model_options: Mapping[str, Any] = field(default_factory=dict)
    tokenizer: str | None = None
    base: ModelFiles | None = None

    def suited_to(self, data: TrainingData, labelling: Labelling) -> Recipe:
        """The recipe as it suits the data.

        Raises:
            ConfigError: If the data and the recipe do not fit together.
        """
        config = self.config
        if self.base is not None and config.refit:
            raise ConfigError(
                f"a continued model is not refitted: leave {option_name('refit')} out"
            )
        if data.unlabeled is not None and config.teacher is None:
            raise ConfigError(f"unlabelled texts need a {option_name('teacher')} to label them")
        if not labelling.multi_label:
            return self
        if config.teacher is not None:
            raise ConfigError("a teacher gives each text one label: leave it out with label lists")
        if config.class_weight is not None:
            raise ConfigError(
                "class weights are for one label a text: leave them out with label lists, where "
                "each label has a threshold"
            )
        dropout = min(config.token_dropout, MULTI_LABEL_TOKEN_DROPOUT)
        return replace(self, config=replace(config, token_dropout=dropout))

    def refits(self, data: TrainingData, texts: int, *, characters: bool) -> bool:
        """Whether a second model is trained on all texts, those held out included.

        Args:
            data: Without validation texts of its own, or nothing is held out.
            texts: How many there are in all.
            characters: Whether most tokens are characters, as in scripts without spaces.
        """
        fresh = self.base is None and data.validation is None
        return fresh and self.config.refits(texts, characters=characters)


@dataclass(frozen=True)
class Run:
    """What every step of a training run is given.

    Attributes:
        recipe: How to train.
        labelling: The classes, and how many of them a text may have.
        progress: Is told of every stage, step and epoch.
        stop: Is asked whether to end early.
    """

    recipe: Recipe
    labelling: Labelling
    progress: Progress
    stop: StopSignal

    @property
    def config(self) -> TrainConfig:
        """How to train."""
        return self.recipe.config
