"""A model of ours, with the methods of the archived module's models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wave_network.errors import ConfigError
from wave_network.fasttext.choosing import EVERY, best_labels
from wave_network.fasttext.lines import parts
from wave_network.fasttext.model import Answer, FastText
from wave_network.models.numpy_ops import Floats
from wave_network.models.tensors import tensor_specs
from wave_network.persistence.card import render_card
from wave_network.persistence.folder import ModelFiles, write_model
from wave_network.persistence.quantization import dequantize_tensors, quantize_tensors
from wave_network.persistence.tokenizers import text_tokenizer
from wave_network.runtime import Engine
from wave_network.text.fasttext_dictionary import LABEL_PREFIX, tokens

_BITS: Final = 8


class WaveModel(FastText):
    """A model that was trained here.

    Its words are the entries of its vocabulary, its parts of words those of its tokenizer, and its
    table that of the tokens' embeddings.

    Args:
        files: The model.
        history: The records of its training.
    """

    def __init__(self, files: ModelFiles, history: list[dict[str, Any]]) -> None:
        self._history = history
        self._tokenizer = text_tokenizer(files.tokenizer)
        self._use(files)
        self._names = [f"{LABEL_PREFIX}{label}" for label in files.config.labels]
        self._word_places = {word: place for place, word in enumerate(self._tokenizer.words())}
        self._places = {name.encode(): place for place, name in enumerate(self._names)}

    def _use(self, files: ModelFiles) -> None:
        self._files = files
        self._engine = Engine(files)
        self._table: Floats = files.tensors["embedding.weight"]
        vars(self).pop("_unit_vectors", None)  # those of another table

    @property
    def is_supervised(self) -> bool:
        """As `FastText.is_supervised`."""
        return True

    def is_quantized(self) -> bool:
        """As `FastText.is_quantized`."""
        return self._files.table_bits < 32

    def get_dimension(self) -> int:
        """As `FastText.get_dimension`."""
        return int(self._table.shape[1])

    def words_counted(self, errors: str) -> tuple[list[str], NDArray[np.int64]]:
        """As `FastText.words_counted`.

        Its words have no counts, which are not stored: they are 0.
        """
        words = list(self._word_places)
        return words, np.zeros(len(words), np.int64)

    def labels_counted(self, errors: str) -> tuple[list[str], NDArray[np.int64]]:
        """As `FastText.labels_counted`; the counts, which are not stored, are 0."""
        return list(self._names), np.zeros(len(self._names), np.int64)

    def get_word_id(self, word: str) -> int:
        """As `FastText.get_word_id`."""
        return self._word_places.get(word, -1)

    def get_label_id(self, label: str) -> int:
        """As `FastText.get_label_id`."""
        return self._places.get(label.encode(), -1)

    def get_subword_id(self, subword: str) -> int:
        """Refuse: no parts of words are hashed."""
        raise ConfigError("get_subword_id: this model hashes no subwords; see get_subwords")

    def get_subwords(
        self, word: str, on_unicode_error: str = "strict"
    ) -> tuple[list[str], NDArray[np.int64]]:
        """As `FastText.get_subwords`: the tokens of the word."""
        ids = self._tokens(word)
        return self._tokenizer.tokens(ids), ids

    def get_input_vector(self, ind: int) -> Floats:
        """As `FastText.get_input_vector`."""
        if not 0 <= ind < len(self._table):
            raise ConfigError(f"there is no row {ind}: the table has {len(self._table):,}")
        vector: Floats = self._table[ind].copy()
        return vector

    def get_word_vector(self, word: str) -> Floats:
        """As `FastText.get_word_vector`: the mean of the embeddings of its tokens."""
        ids = self._tokens(word)
        if not len(ids):
            return np.zeros(self.get_dimension(), np.float32)
        mean: Floats = self._table[ids].mean(axis=0)
        return mean

    def get_input_matrix(self) -> Floats:
        """As `FastText.get_input_matrix`: the embeddings of the tokens."""
        if self.is_quantized():
            raise ConfigError("Can't get quantized Matrix")
        table: Floats = self._table.copy()
        return table

    def get_output_matrix(self) -> Floats:
        """Refuse: there is no single matrix of the labels."""
        raise ConfigError("get_output_matrix: this model has several matrices of its labels")

    def save_model(self, path: str | Path) -> None:
        """Write the model's folder; a model folder that is there is replaced.

        Raises:
            OutputError: If it cannot be written, or something else is there.
        """
        write_model(
            Path(path),
            self._files,
            card=render_card(self._files),
            history=self._history,
            overwrite=True,
        )

    def quantize(self, input: str | None = None, **options: Any) -> None:  # noqa: ANN401
        """Store the tables in 8 bits; no data and no options are needed.

        Raises:
            ConfigError: If they are already.
        """
        if self.is_quantized():
            raise ConfigError("the model is quantized already")
        specs = tensor_specs(self._files.config)
        stored = quantize_tensors(self._files.tensors, specs, _BITS)
        tensors = dequantize_tensors(stored, specs, _BITS)
        self._use(replace(self._files, tensors=tensors, table_bits=_BITS))

    def answer(self, lines: Sequence[bytes], k: int, threshold: float) -> list[Answer | None]:
        """As `FastText.answer`."""
        texts = [parts(line)[1].decode("utf-8", "replace") for line in lines]
        found = self._engine.predict_proba(texts)
        count = found.shape[1] if k == EVERY else k
        chosen = best_labels(found, found >= np.float32(threshold), count)
        return [
            Answer(places, row[places].tolist()) for places, row in zip(chosen, found, strict=True)
        ]

    def given(self, lines: Sequence[bytes]) -> list[list[int]]:
        """As `FastText.given`."""
        labels = [parts(line)[0] for line in lines]
        return [[self._places[one] for one in each if one in self._places] for each in labels]

    def words_and_labels(self, line: bytes) -> tuple[list[bytes], list[bytes]]:
        """As `FastText.words_and_labels`."""
        found = list(tokens(line))
        prefix = LABEL_PREFIX.encode()
        words = [token for token in found if not token.startswith(prefix)]
        return words, [token for token in found if token in self._places]

    def _sentence_vector(self, line: bytes) -> Floats:
        """Return the mean of the embeddings of the tokens of a line."""
        return self.get_word_vector(line.decode("utf-8", "replace").rstrip("\n"))

    def _tokens(self, text: str) -> NDArray[np.int64]:
        ids = self._tokenizer.encode([text]).ids[1:]  # without [CLS]
        return ids.astype(np.int64)
