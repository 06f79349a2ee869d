"""What training starts from: a vocabulary, the texts in it, and a model at its start."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from wave_network.config import (
    ClassifierConfig,
    Preset,
    TrainConfig,
)
from wave_network.data import column, column_chunks
from wave_network.data.batch import PackedTexts, Targets
from wave_network.errors import ConfigError, ModelFolderError, option_name
from wave_network.models.registry import build_model
from wave_network.models.torch_network import ClassifierNetwork, StartsAtVectors
from wave_network.persistence.folder import ModelFiles
from wave_network.text import TextTokenizer
from wave_network.training.callbacks import Progress, say
from wave_network.training.continual import grown
from wave_network.training.examples import Part
from wave_network.training.local_wave.lsa import token_vectors

if TYPE_CHECKING:
    from datasets import Dataset

logger = logging.getLogger(__name__)


class Start(NamedTuple):
    """What training starts from."""

    config: ClassifierConfig
    model: ClassifierNetwork
    tokenizer: TextTokenizer
    texts: PackedTexts


def start(
    part: Part,
    preset: Preset,
    shape: Mapping[str, Any],
    tokenizer: str | None,
    base: ModelFiles | None,
    config: TrainConfig,
    progress: Progress | None,
) -> Start:
    """The vocabulary of the texts, the texts in it, and a model at its random start.

    Args:
        part: What the model is to learn from.
        preset: The vocabulary's size and the architecture.
        shape: Fields of the model's configuration, but those that the vocabulary gives.
        tokenizer: As for `fit`.
        base: The model to train on; its vocabulary, classes and weights grow.
        config: The seed.
        progress: Is told of each stage.
    """
    say(progress, "learning the vocabulary")
    model_config: ClassifierConfig
    if base is None:
        text_tokenizer = _make_tokenizer(part.rows, preset, tokenizer, shape["max_length"])
        model_config = preset.config(
            **shape,
            vocab_size=text_tokenizer.vocab_size,
            cls_token_id=text_tokenizer.cls_token_id,
        )
    else:
        larger = grown(base, shape["labels"], column(part.rows, "text"))
        text_tokenizer, model_config = larger.tokenizer, larger.config
    say(progress, "encoding the texts")
    texts = packed(part, text_tokenizer, model_config)
    torch.manual_seed(config.seed)
    model = build_model(model_config)
    if base is not None:
        model.load_state_dict({name: torch.from_numpy(t) for name, t in larger.tensors.items()})
    return Start(model_config, model, text_tokenizer, texts)


def initialize(
    begun: Start, base: ModelFiles | None, config: TrainConfig, progress: Progress | None
) -> None:
    """Give the tokens of a model that is not trained on the start that is wanted.

    Args:
        begun: Its model is changed in place.
        base: The model to train on, if there is one.
        config: Seed and initialization.
        progress: Is told of it.

    Raises:
        ConfigError: If the model cannot start so.
    """
    if base is not None or config.initialization != "latent-semantics":
        return
    if not isinstance(begun.model, StartsAtVectors):
        raise ConfigError('initialization="latent-semantics" is for LocalWaveConfig models alone')
    say(progress, "learning what tokens share")
    size = begun.model.start_size
    vectors = token_vectors(begun.texts, begun.config.vocab_size, size, config.seed)
    if vectors.any():
        begun.model.start_at(torch.from_numpy(vectors))


def packed(part: Part, tokenizer: TextTokenizer, config: ClassifierConfig) -> PackedTexts:
    """A part's texts as the model reads them."""
    texts = pack(part.rows, tokenizer, part.targets, sentences=config.reads_sentences)
    return replace(texts, weights=part.weights)


def pack(
    rows: Dataset,
    tokenizer: TextTokenizer,
    labels: Targets,
    *,
    sentences: bool = False,
) -> PackedTexts:
    """Tokenise a data set, chunk by chunk; only the ids stay in memory.

    Args:
        rows: With a column `text`.
        tokenizer: Makes the ids.
        labels: Class indices, (rows,), or a probability of each class, (rows, classes).
        sentences: Also number the sentences.
    """
    ids, lengths, numbers = [], [], []
    sentence_count = 0
    for chunk in column_chunks(rows, "text"):
        if sentences:
            batch = tokenizer.encode_sentences(chunk)
            sentence_lengths = np.diff(batch.sentence_offsets)
            names = np.arange(len(sentence_lengths), dtype=np.int32) + sentence_count
            numbers.append(np.repeat(names, sentence_lengths))
            sentence_count += len(sentence_lengths)
            ids.append(batch.ids)
            lengths.append(np.diff(batch.offsets))
        else:
            plain = tokenizer.encode(chunk)
            ids.append(plain.ids)
            lengths.append(np.diff(plain.offsets))
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)
    return PackedTexts(
        ids=np.concatenate(ids),
        offsets=offsets,
        labels=labels,
        sentences=np.concatenate(numbers) if sentences else None,
    )


def report_empty(texts: PackedTexts) -> None:
    """Say how many training texts are empty, if any are."""
    empty = int((np.diff(texts.offsets) == 1).sum())  # [CLS] and nothing else
    if empty:
        logger.warning("%d of %d training texts are empty; they are kept", empty, len(texts))


def _make_tokenizer(
    training: Dataset, preset: Preset, source: str | None, max_length: int
) -> TextTokenizer:
    if source is not None:
        return TextTokenizer.load(source, max_length)
    if preset.tokenizer is not None:
        try:
            return TextTokenizer.load(preset.tokenizer, max_length)
        except ModelFolderError:
            logger.warning(
                "the tokenizer %s cannot be had here (no network?): training one of %d entries on "
                "the texts instead; %s takes a folder",
                preset.tokenizer,
                preset.vocab_size,
                option_name("tokenizer"),
            )
    return TextTokenizer.train(column(training, "text"), preset.vocab_size, max_length)
