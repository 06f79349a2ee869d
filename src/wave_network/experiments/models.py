"""The models that the papers' experiments compare, and how each of them is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Protocol, runtime_checkable

from torch import nn

from wave_network.baselines.bag import BagOfEmbeddings
from wave_network.baselines.encoder import (
    EncoderClassifier,
    find_sep_token,
    pretrained_embeddings,
)
from wave_network.baselines.transformer import TransformerLayer
from wave_network.config import ModelConfig, TrainConfig, get_preset
from wave_network.errors import ConfigError, ModelFolderError, option_name
from wave_network.experiments.study import Options
from wave_network.experiments.tasks import Task, find_encoder
from wave_network.models.wave.network import WaveNetwork

# How each differs from the preset `paper`; |M| = G G' has lost the phases.
_NETWORKS: Final[Mapping[str, tuple[type[WaveNetwork], Mapping[str, str]]]] = {
    "wave-modulation": (WaveNetwork, {"operation": "modulation"}),
    "wave-interference": (WaveNetwork, {"operation": "interference"}),
    "phase-blind": (WaveNetwork, {"operation": "modulation", "readout": "magnitude"}),
    "bag": (BagOfEmbeddings, {}),
}

MODELS: Final = (*_NETWORKS, "transformer", "bert")
"""The wave network with either operation, and without the phases; the same without waves; paper
1's single Transformer layer; BERT, fine-tuned."""

# The papers give the rate and the batch; the rest is usual.
_FINE_TUNING: Final[Mapping[str, Any]] = {
    "batch_size": 32,
    "learning_rate": 2e-5,
    "weight_decay": 0.01,
    "warmup": 0.1,
    "schedule": "linear",
    "max_grad_norm": 1.0,
}


def build_model(
    name: str,
    task: Task,
    options: Options,
    **model_options: Any,  # noqa: ANN401
) -> nn.Module:
    """Make a model for a task, to be trained; seed torch before.

    Args:
        name: One of `MODELS`.
        task: Gives the labels, the vocabulary and the length of a text.
        options: Where the pretrained encoder is, for "transformer" and "bert".
        model_options: Fields of `ModelConfig` that replace those of the preset `paper`.

    Returns:
        A model that takes a `PackedBatch` and gives logits, (texts, labels).

    Raises:
        ConfigError: If there is no such model, or an option does not fit it.
        ModelFolderError: If it needs a pretrained encoder, and none can be had.
        MissingExtraError: If it needs `transformers`, and that is not installed.
    """
    _check_name(name)
    if name in _NETWORKS:
        network, own = _NETWORKS[name]
        fields = {
            **get_preset("paper").model,
            "labels": task.classes,
            "vocab_size": task.tokenizer.vocab_size,
            "cls_token_id": task.tokenizer.cls_token_id,
            "max_length": task.tokenizer.max_length,
            **own,
            **model_options,
        }
        return network(ModelConfig(**fields))
    if model_options:
        raise ConfigError(f'the model "{name}" has no option {next(iter(model_options))}')
    encoder = find_encoder(options)
    if encoder is None:
        raise ModelFolderError(
            f'the model "{name}" needs a pretrained encoder, and there is none here: give a folder '
            f"or a Hub id with {option_name('encoder')}"
        )
    max_length, num_labels = task.tokenizer.max_length, len(task.classes)
    if name == "bert":
        return EncoderClassifier.from_pretrained(encoder, num_labels, max_length=max_length)
    return TransformerLayer(
        pretrained_embeddings(encoder),
        num_labels,
        sep_token_id=find_sep_token(encoder),
        max_length=max_length,
        only_first=True,
    )


def train_config(
    name: str,
    options: Options,
    *,
    seed: int,
    epochs: int | None = None,
    **overrides: Any,  # noqa: ANN401
) -> TrainConfig:
    """How a model is trained: the preset `paper`'s way, BERT with the usual fine-tuning.

    Args:
        name: One of `MODELS`.
        options: Its `epochs` go before the experiment's; its `device` counts.
        seed: Of the order of the texts.
        epochs: The experiment's own; None takes the papers' four.
        overrides: Fields of `TrainConfig`.

    Raises:
        ConfigError: If there is no such model, or a value that no training could use.
    """
    _check_name(name)
    config = get_preset("paper").train
    wanted = (options.epochs, epochs, config.epochs)
    values = {
        "epochs": next(number for number in wanted if number is not None),
        "seed": seed,
        "device": options.device,
        **(_FINE_TUNING if name == "bert" else {}),
        **overrides,
    }
    return replace(config, **values)


def parameter_counts(model: nn.Module) -> dict[str, int]:
    """All trained parameters of one of `MODELS`, and those of its token table among them."""
    total = sum(parameter.numel() for parameter in model.parameters())
    return {"total": total, "embedding": input_embedding(model).weight.numel()}


@runtime_checkable
class HasInputEmbedding(Protocol):
    """A network with a table of tokens."""

    @property
    def input_embedding(self) -> nn.Embedding:
        """The table."""


def input_embedding(model: nn.Module) -> nn.Embedding:
    """The token table of one of `MODELS`.

    Raises:
        TypeError: If the model is none of them.
    """
    if isinstance(model, HasInputEmbedding):
        return model.input_embedding
    raise TypeError(f"not a model of the experiments: {type(model).__name__}")


def _check_name(name: str) -> None:
    if name not in MODELS:
        raise ConfigError(f'there is no model "{name}": take one of {", ".join(MODELS)}')
