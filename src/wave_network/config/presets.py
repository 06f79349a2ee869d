"""The presets: named configurations of model and training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from wave_network.config.base import ClassifierConfig
from wave_network.config.local_wave import LocalWaveConfig
from wave_network.config.options import OPTIONS
from wave_network.config.training import TrainConfig
from wave_network.config.wave import ModelConfig


@dataclass(frozen=True)
class Preset:
    """A named configuration of model, vocabulary and training.

    Attributes:
        name: The value of the option `preset`.
        config: The configuration class of the model family.
        model: Those of its fields that do not depend on the data.
        train: How the model is trained.
        vocab_size: Vocabulary size of the tokenizer trained on the training texts.
        tokenizer: Hub id of a tokenizer to use instead if the Hub can be reached, or None.
        grows: Whether the model gets wider with hundreds of classes, beyond its stated size.
    """

    name: str
    config: type[ClassifierConfig]
    model: Mapping[str, Any]
    train: TrainConfig
    vocab_size: int
    tokenizer: str | None = None
    grows: bool = False


_LOCAL_TRAINING: Final = TrainConfig(
    min_steps=500,
    max_batch_size=512,
    refit=None,
    embedding_rate=7.5,
    embedding_epsilon=3e-4,
    max_grad_norm=None,
    initialization="latent-semantics",
)


PRESETS: Final[Mapping[str, Preset]] = {
    preset.name: preset
    for preset in (
        Preset(
            name="small",
            config=LocalWaveConfig,
            model={
                "hidden_size": 16,
                "bigram_buckets": 24_593,
                "linear_size": 900_000,
                "linear_ngrams": ("pair", "skip-pair"),
                "max_length": 512,
            },
            train=_LOCAL_TRAINING,
            vocab_size=24_576,
            grows=True,
        ),
        Preset(
            name="tiny",
            config=LocalWaveConfig,
            model={
                "hidden_size": 12,
                "bigram_buckets": 9_221,
                "linear_size": 100_000,
                "linear_ngrams": ("pair", "skip-pair"),
                "max_length": 512,
            },
            train=_LOCAL_TRAINING,
            vocab_size=9_216,
        ),
        Preset(
            name="large",
            config=LocalWaveConfig,
            model={
                "hidden_size": 16,
                "members": 8,
                "linear_size": 4_000_000,
                "linear_ngrams": ("pair", "skip-pair", "triple"),
                "max_length": 1_024,
            },
            train=replace(_LOCAL_TRAINING, embedding_rate=15.0, embedding_epsilon=1e-3, refit=True),
            vocab_size=32_768,
        ),
        Preset(
            name="paper",
            config=ModelConfig,
            model={
                "hidden_size": 768,
                "max_length": 128,
                "positions": "sinusoidal",
                "variants": "linear",
            },
            train=TrainConfig(
                epochs=4,
                batch_size=64,
                learning_rate=1e-3,
                warmup=0.0,
                schedule="constant",
                max_grad_norm=None,
                token_dropout=0.0,
                validation_fraction=0.2,
            ),
            vocab_size=30_522,
            tokenizer="google-bert/bert-base-uncased",
        ),
    )
}


def get_preset(name: str) -> Preset:
    """Look a preset up.

    Raises:
        ConfigError: If there is no preset of this name; the message lists all names.
    """
    OPTIONS["preset"].checked(name)
    return PRESETS[name]
