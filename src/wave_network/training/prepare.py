"""Prepare training: build the tokenizer, encode the texts, and initialise the model."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wave_network.config import ClassifierConfig, LocalWaveConfig, TrainConfig
from wave_network.config.local_wave import least_linear_size, tokens_beside_linear_part
from wave_network.data import Table, column
from wave_network.data.batch import PackedTexts
from wave_network.errors import ConfigError, ModelFolderError, option_name
from wave_network.few_labels.text_vectors import directions, fitted_to, token_vectors
from wave_network.models.tensor_spec import Tensors
from wave_network.text import TextTokenizer
from wave_network.text.counts import TextCounts
from wave_network.text.scripts import share_of
from wave_network.text.vocabulary import Words
from wave_network.training.continual import grown
from wave_network.training.examples import Examples
from wave_network.training.local_wave.lsa import token_vectors as latent_vectors
from wave_network.training.local_wave.start import start_at, start_size
from wave_network.training.local_wave.waves_weight import scale_waves
from wave_network.training.model import TrainableModel, new_model
from wave_network.training.packing import pack_examples
from wave_network.training.recipe import Recipe, Run

logger = logging.getLogger(__name__)

_BYTES_LEARNT_FROM: Final = 2**28
"""Of texts that the vocabulary is learnt from: bounds its time and memory."""

_MOSTLY: Final = 0.5  # of the characters
_USUAL_NGRAMS: Final = ("pair", "skip-pair")  # of the presets that leave triples out


@dataclass(frozen=True)
class Prepared:
    """A model before training, and its encoded training examples.

    Attributes:
        config: The model's configuration.
        tokenizer: Its tokenizer.
        texts: The encoded training examples.
        counts: What was read of their texts.
        training: How it is trained.
        vectors: Word vectors of the tokens, (vocabulary, size); None: none.
        start: The weights of a continued model; None: random ones.
    """

    config: ClassifierConfig
    tokenizer: TextTokenizer
    texts: PackedTexts
    counts: TextCounts
    training: TrainConfig
    vectors: NDArray[np.float32] | None = None
    start: Tensors | None = None

    @cached_property
    def model(self) -> TrainableModel:
        """The model, built when it is first asked for: trials of the texts' reading need none."""
        return new_model(self.config, self.training, self.start)

    def pack(self, examples: Examples, counts: TextCounts | None = None) -> PackedTexts:
        """Encode examples with the model's tokenizer, and count their texts."""
        return pack_examples(examples, self.tokenizer, self.config, counts)


def prepare(examples: Examples, run: Run) -> Prepared:
    """Build the tokenizer and the model (or extend the continued model's), and encode the texts.

    Args:
        examples: Training examples.
        run: The preset, tokenizer, labelling and seed, or the model to continue.
    """
    recipe, base = run.recipe, run.recipe.base
    run.progress.stage("learning the vocabulary")
    model_config: ClassifierConfig
    start = None
    if base is None:
        shape = recipe.shape
        tokenizer = _make_tokenizer(
            examples.rows, recipe, shape["max_length"], len(run.labelling.classes)
        )
        shape |= _linear_part_for(examples, tokenizer, recipe)
        if recipe.vectors is not None and recipe.config.keep_vocabulary:
            least = least_linear_size(len(run.labelling.classes), tokenizer.vocab_size)
            shape["linear_size"] = max(shape["linear_size"], least)
        model_config = recipe.preset.config(
            **shape,
            labels=run.labelling.classes,
            problem_type=run.labelling.problem_type,
            vocab_size=tokenizer.vocab_size,
            cls_token_id=tokenizer.cls_token_id,
        ).with_sparse_linear_part()
    else:
        larger = grown(base, run.labelling.classes, column(examples.rows, "text"))
        tokenizer, model_config, start = larger
        scale_waves(start, 1 / base.metrics.get("waves_weight", 1.0))
    run.progress.stage("encoding the texts")
    counts = TextCounts(tokenizer)
    texts = pack_examples(examples, tokenizer, model_config, counts, recipe.cache)
    source = recipe.vectors
    vectors = None if source is None else fitted_to(texts, token_vectors(tokenizer, source))
    return Prepared(model_config, tokenizer, texts, counts, run.config, vectors, start)


def initialize(prepared: Prepared, run: Run) -> None:
    """Initialise the token embeddings of a model trained from scratch.

    Args:
        prepared: Its model is changed in place.
        run: The seed and the initialization.

    Raises:
        ConfigError: If the model does not support this initialization.
    """
    if run.recipe.base is not None or run.config.initialization != "latent-semantics":
        return
    if not isinstance(prepared.config, LocalWaveConfig):
        raise ConfigError('initialization="latent-semantics" is only for LocalWaveConfig models')
    run.progress.stage("initialising the token embeddings")
    size = start_size(prepared.config)
    if prepared.vectors is None:
        vectors = latent_vectors(prepared.texts, prepared.config.vocab_size, size, run.config.seed)
    else:
        vectors = directions(prepared.texts, prepared.vectors, size)
    start_at(prepared.model.tensors, vectors, prepared.config)


def reads_characters(examples: Examples, tokenizer: TextTokenizer) -> bool:
    """Whether most tokens are characters of scripts without spaces."""
    texts = examples.rows["text"].spread(_BYTES_LEARNT_FROM)
    return tokenizer.form.split and share_of(texts) >= _MOSTLY


def _linear_part_for(
    examples: Examples, tokenizer: TextTokenizer, recipe: Recipe
) -> dict[str, Any]:
    """Let the linear part read trigrams of characters or pieces of words.

    Not if the user chose its n-grams. Few characters and pieces need few embeddings: the parameters
    that this saves go to the n-grams.
    """
    shape = recipe.shape
    chosen = "linear_ngrams" in recipe.model_options or "linear_size" in recipe.model_options
    if chosen or shape.get("linear_ngrams") != _USUAL_NGRAMS or not shape.get("linear_size"):
        return {}
    if recipe.reading.vocab_size is None:
        if not reads_characters(examples, tokenizer):
            return {}
        logger.info("most tokens are single characters: the linear part also reads trigrams")
    free = max(0, recipe.preset.vocab_size - tokenizer.vocab_size)
    return {
        "linear_ngrams": (*_USUAL_NGRAMS, "triple"),
        "linear_size": shape["linear_size"] + 2 * free * shape["hidden_size"],
    }


def _make_tokenizer(
    training: Table, recipe: Recipe, max_length: int, classes: int
) -> TextTokenizer:
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
    reading = recipe.reading
    size = reading.vocab_size or preset.vocab_size
    few_size = tokens_beside_linear_part(recipe.shape.get("linear_size", 0), classes, size)
    more = None
    if recipe.vectors is not None:
        words = recipe.vectors.words
        kept = size + len(words) if recipe.config.keep_vocabulary else few_size
        more = Words(words, kept)
    return TextTokenizer.train(
        training["text"].spread(_BYTES_LEARNT_FROM),
        size,
        max_length,
        few_size=few_size,
        cased=reading.cased,
        more_words=more,
    )
