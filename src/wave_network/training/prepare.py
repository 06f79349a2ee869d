"""What training starts from: a vocabulary, the texts in it, and a model before training."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import torch

from wave_network.config import PRESETS, ClassifierConfig
from wave_network.data import column, column_chunks
from wave_network.data.batch import PackedTexts
from wave_network.data.targets import Targets
from wave_network.errors import ConfigError, ModelFolderError, option_name
from wave_network.models.registry import build_model
from wave_network.models.torch_network import ClassifierNetwork, StartsAtVectors
from wave_network.text import TextTokenizer
from wave_network.text.scripts import share_of
from wave_network.training.continual import grown
from wave_network.training.examples import Examples
from wave_network.training.local_wave.class_codes import (
    code_columns,
    codes_tell,
    hidden_size_for,
    start_at_codes,
)
from wave_network.training.local_wave.lsa import token_vectors
from wave_network.training.recipe import Recipe, Run

if TYPE_CHECKING:
    from datasets import Dataset

logger = logging.getLogger(__name__)

_MOSTLY: Final = 0.5  # of the characters
_USUAL_NGRAMS: Final = ("pair", "skip-pair")  # of the presets that leave triples out


class Prepared(NamedTuple):
    """What training starts from.

    Attributes:
        config: The model's shape.
        model: Its weights as they are before training.
        tokenizer: Its vocabulary.
        texts: The training examples in it.
    """

    config: ClassifierConfig
    model: ClassifierNetwork
    tokenizer: TextTokenizer
    texts: PackedTexts

    def pack(self, examples: Examples) -> PackedTexts:
        """Examples as the model reads them."""
        return pack_examples(examples, self.tokenizer, self.config)


def prepare(examples: Examples, run: Run) -> Prepared:
    """Make the vocabulary of the texts, the texts in it, and a model before training.

    Args:
        examples: What the model is trained on.
        run: Preset, tokenizer, labelling and seed; a model to continue training grows instead.
    """
    recipe, base = run.recipe, run.recipe.base
    run.progress.stage("learning the vocabulary")
    model_config: ClassifierConfig
    tensors = None
    if base is None:
        shape = {**recipe.preset.model, **recipe.model_options}
        tokenizer = _make_tokenizer(examples.rows, recipe, shape["max_length"])
        shape |= _linear_part_for(examples, tokenizer, recipe) | _width_for(run)
        model_config = recipe.preset.config(
            **shape,
            labels=run.labelling.classes,
            problem_type=run.labelling.problem_type,
            vocab_size=tokenizer.vocab_size,
            cls_token_id=tokenizer.cls_token_id,
        )
    else:
        larger = grown(base, run.labelling.classes, column(examples.rows, "text"))
        tokenizer, model_config, tensors = larger
    run.progress.stage("encoding the texts")
    texts = pack_examples(examples, tokenizer, model_config)
    torch.manual_seed(run.config.seed)
    model = build_model(model_config)
    if tensors is not None:
        model.load_state_dict({name: torch.from_numpy(t) for name, t in tensors.items()})
    return Prepared(model_config, model, tokenizer, texts)


def initialize(prepared: Prepared, run: Run) -> None:
    """Initialise the token embeddings of a model trained from scratch.

    Args:
        prepared: Its model is changed in place.
        run: Seed and initialization.

    Raises:
        ConfigError: If the model cannot be initialised so.
    """
    if run.recipe.base is not None or run.config.initialization != "latent-semantics":
        return
    if not isinstance(prepared.model, StartsAtVectors):
        raise ConfigError('initialization="latent-semantics" is for LocalWaveConfig models alone')
    run.progress.stage("learning what tokens share")
    seed, coded = run.config.seed, code_columns(prepared.config)
    if coded and not codes_tell(prepared.texts, prepared.config, seed):
        coded = 0
    size = prepared.model.start_size - coded
    vectors = token_vectors(prepared.texts, prepared.config.vocab_size, size, seed)
    if coded:
        start_at_codes(prepared.model, prepared.texts, vectors, seed)
    elif vectors.any():
        prepared.model.start_at(torch.from_numpy(vectors))


def reads_characters(examples: Examples, tokenizer: TextTokenizer) -> bool:
    """Whether most tokens are characters of scripts without spaces."""
    return tokenizer.splits_scripts and share_of(column(examples.rows, "text")) >= _MOSTLY


def _linear_part_for(
    examples: Examples, tokenizer: TextTokenizer, recipe: Recipe
) -> dict[str, Any]:
    """Let the linear part read trigrams of characters, unless the user chose its n-grams.

    Few characters need few embeddings: the parameters that this saves go to the n-grams.
    """
    shape = {**recipe.preset.model, **recipe.model_options}
    chosen = "linear_ngrams" in recipe.model_options or "linear_size" in recipe.model_options
    if chosen or shape.get("linear_ngrams") != _USUAL_NGRAMS or not shape.get("linear_size"):
        return {}
    if not reads_characters(examples, tokenizer):
        return {}
    logger.info("most tokens are single characters: the linear part also reads trigrams")
    free = max(0, recipe.preset.vocab_size - tokenizer.vocab_size)
    return {
        "linear_ngrams": (*_USUAL_NGRAMS, "triple"),
        "linear_size": shape["linear_size"] + 2 * free * shape["hidden_size"],
    }


def _width_for(run: Run) -> dict[str, Any]:
    """Widen a preset that grows with many classes, unless the user chose its width."""
    preset = run.recipe.preset
    usual = PRESETS[preset.name].model["hidden_size"] if preset.grows else None
    if preset.model.get("hidden_size") != usual or "hidden_size" in run.recipe.model_options:
        return {}
    if usual is None:
        return {}
    classes = len(run.labelling.classes)
    wider = hidden_size_for(classes, usual)
    if wider > usual:
        logger.info("%d classes: hidden_size is %d instead of %d", classes, wider, usual)
    return {"hidden_size": wider}


def pack_examples(
    examples: Examples, tokenizer: TextTokenizer, config: ClassifierConfig
) -> PackedTexts:
    """Examples as the model reads them."""
    texts = pack(examples.rows, tokenizer, examples.targets, sentences=config.reads_sentences)
    return replace(texts, weights=examples.weights)


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
        labels: The targets.
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


def _make_tokenizer(training: Dataset, recipe: Recipe, max_length: int) -> TextTokenizer:
    preset = recipe.preset
    if recipe.tokenizer is not None:
        return TextTokenizer.load(recipe.tokenizer, max_length)
    if preset.tokenizer is not None:
        try:
            return TextTokenizer.load(preset.tokenizer, max_length)
        except ModelFolderError:
            logger.warning(
                "the tokenizer %s cannot be downloaded (no network?): training one of %d entries "
                "on the texts instead; %s takes a folder",
                preset.tokenizer,
                preset.vocab_size,
                option_name("tokenizer"),
            )
    return TextTokenizer.train(column(training, "text"), preset.vocab_size, max_length)
