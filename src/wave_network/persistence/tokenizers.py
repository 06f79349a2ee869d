"""The tokenizer of a model folder, of whichever kind its family has."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from wave_network.config import ClassifierConfig, FastTextConfig
from wave_network.errors import ConfigError, ModelFolderError
from wave_network.persistence.format import CONFIG
from wave_network.text import TextTokenizer
from wave_network.text.fasttext_tokenizer import FastTextTokenizer

AnyTokenizer: TypeAlias = TextTokenizer | FastTextTokenizer
"""That of a model trained here, or by fastText."""


def parse_tokenizer(content: bytes, path: Path, config: ClassifierConfig) -> AnyTokenizer:
    """Parse the tokenizer of a model.

    Args:
        content: The file's content.
        path: Its path, for messages.
        config: The model's configuration.

    Raises:
        ModelFolderError: If it is damaged, or of another model.
    """
    if isinstance(config, FastTextConfig):
        words = FastTextTokenizer.parse(content, path)
        labels = len(words.dictionary.labels)
        if words.dictionary.rows <= config.vocab_size and labels == config.num_labels:
            return words
    else:
        pieces = TextTokenizer.parse(content, path, config.max_length)
        ids = config.vocab_size, config.cls_token_id
        if (pieces.vocab_size, pieces.cls_token_id) == ids:
            return pieces
    raise ModelFolderError(f"{path.parent}: {path.name} and {CONFIG} belong to different models")


def text_tokenizer(tokenizer: AnyTokenizer) -> TextTokenizer:
    """Return the tokenizer of a model that was trained here.

    Raises:
        ConfigError: If fastText trained it.
    """
    if isinstance(tokenizer, TextTokenizer):
        return tokenizer
    raise ConfigError("this needs a model that was trained here: a model of fastText only predicts")
