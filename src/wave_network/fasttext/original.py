"""A model that fastText trained, with the methods of its module."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import cached_property
from io import TextIOWrapper
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from wave_network.config import FastTextConfig
from wave_network.errors import ConfigError
from wave_network.fasttext.choosing import EVERY, best_labels
from wave_network.fasttext.file import FastTextFile, config_of, is_fasttext_file
from wave_network.fasttext.model import Answer, FastText
from wave_network.models.fasttext.matrix import DenseMatrix, Matrix, matrix_of
from wave_network.models.fasttext.network import NumpyFastTextNetwork
from wave_network.models.fasttext.tree import logarithm
from wave_network.models.numpy_ops import Floats, finite_expected
from wave_network.persistence.atomic import replacing_file
from wave_network.text.fasttext_dictionary import hashed, line_reader, tokens

_NUMBERS_AT_ONCE = 2**24


class OriginalModel(FastText):
    """A model that fastText trained: its answers are fastText's own.

    Args:
        file: What its file holds.
        source: The file, or the folder that it was converted to.
    """

    def __init__(self, file: FastTextFile, source: Path) -> None:
        self._source = source
        self._file = file
        self._dictionary = file.dictionary
        self._reader = line_reader(self._dictionary)
        self._table: Matrix = matrix_of(self._file.tensors, "input", self._file.input_block)

    @cached_property
    def _network(self) -> NumpyFastTextNetwork:
        config: FastTextConfig = config_of(self._file)
        return NumpyFastTextNetwork(config, self._file.tensors)

    @property
    def is_supervised(self) -> bool:
        """As `FastText.is_supervised`."""
        return self._file.is_supervised

    def is_quantized(self) -> bool:
        """As `FastText.is_quantized`."""
        return self._file.input_block > 0

    def get_dimension(self) -> int:
        """As `FastText.get_dimension`."""
        return self._file.arguments.dim

    def words_counted(self, errors: str) -> tuple[list[str], NDArray[np.int64]]:
        """As `FastText.words_counted`."""
        words = self._dictionary.entries[: self._dictionary.words]
        counts = self._dictionary.counts[: self._dictionary.words]
        return [word.decode("utf-8", errors) for word in words], counts

    def labels_counted(self, errors: str) -> tuple[list[str], NDArray[np.int64]]:
        """As `FastText.labels_counted`."""
        counts = self._dictionary.counts[self._dictionary.words :]
        return [label.decode("utf-8", errors) for label in self._dictionary.labels], counts

    def get_word_id(self, word: str) -> int:
        """As `FastText.get_word_id`."""
        return self._dictionary.places.get(word.encode(), -1)

    def get_label_id(self, label: str) -> int:
        """As `FastText.get_label_id`."""
        place = self._dictionary.places.get(label.encode(), -1) - self._dictionary.words
        return max(place, -1)

    def get_subword_id(self, subword: str) -> int:
        """As `FastText.get_subword_id`; of a pruned model the row before it was pruned."""
        if not self._dictionary.buckets:
            raise ConfigError("this model has no subwords")
        return self._dictionary.words + hashed(subword.encode()) % self._dictionary.buckets

    def get_subwords(
        self, word: str, on_unicode_error: str = "strict"
    ) -> tuple[list[str], NDArray[np.int64]]:
        """As `FastText.get_subwords`."""
        found = self._dictionary.subwords(word.encode())
        names = [subword.decode("utf-8", on_unicode_error) for subword, _ in found]
        return names, np.array([row for _, row in found], np.int64)

    def get_input_vector(self, ind: int) -> Floats:
        """As `FastText.get_input_vector`.

        Raises:
            ConfigError: If there is no such row.
        """
        if not 0 <= ind < self._table.shape[0]:
            raise ConfigError(f"there is no row {ind}: the table has {self._table.shape[0]:,}")
        vector: Floats = self._table.rows(np.array([ind]))[0]
        return vector

    def get_word_vector(self, word: str) -> Floats:
        """As `FastText.get_word_vector`."""
        return self._word_vector(word.encode())

    def get_input_matrix(self) -> Floats:
        """As `FastText.get_input_matrix`.

        Raises:
            ConfigError: If the model is quantized.
        """
        if not isinstance(self._table, DenseMatrix):
            raise ConfigError("Can't get quantized Matrix")
        table: Floats = self._table.weight.copy()
        return table

    def get_output_matrix(self) -> Floats:
        """As `FastText.get_output_matrix`.

        Raises:
            ConfigError: If the model is quantized.
        """
        if self.is_quantized():
            raise ConfigError("Can't get quantized Matrix")
        weight: Floats = self._file.tensors["output.weight"].copy()
        return weight

    def save_model(self, path: str | Path) -> None:
        """Copy the model's file.

        Raises:
            OutputError: If it cannot be written, or another file is there.
            ConfigError: If the model comes from a folder.
        """
        target = Path(path)
        if not is_fasttext_file(self._source):
            raise ConfigError(f"copy the folder {self._source}: its model has no file any more")
        overwrite = is_fasttext_file(target)
        with self._source.open("rb") as file, replacing_file(target, overwrite=overwrite) as copy:
            shutil.copyfileobj(file, cast(TextIOWrapper, copy).buffer)

    def quantize(self, input: str | None = None, **options: Any) -> None:  # noqa: ANN401
        """Refuse: fastText's models are quantised as folders.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(
            "a model of fastText is quantized as a folder: wave-network convert MODEL.bin, then "
            "wave-network quantize"
        )

    def answer(self, lines: Sequence[bytes], k: int, threshold: float) -> list[Answer | None]:
        """As `FastText.answer`."""
        network, read = self._network, self._reader.read(lines)
        labels = len(self._dictionary.labels)
        answers: list[Answer | None] = []
        step = max(1, _NUMBERS_AT_ONCE // max(1, 2 * labels))
        with finite_expected():
            hidden = self._table.means(read.ids, read.offsets)
            for start in range(0, len(lines), step):
                answers += self._chosen(network, hidden[start : start + step], k, threshold)
        for line in np.flatnonzero(np.diff(read.offsets) == 0).tolist():
            answers[line] = None
        return answers

    def _chosen(
        self, network: NumpyFastTextNetwork, hidden: Floats, k: int, threshold: float
    ) -> list[Answer | None]:
        found = network.answers(hidden)
        least = np.float32(threshold)
        if network.tree is None:
            scores, allowed = logarithm(found), found >= least
        else:
            scores = found
            allowed = found >= logarithm(np.array([least]))
        count = found.shape[1] if k == EVERY else k
        chosen = list(best_labels(scores, allowed, count, network.tree))
        rows = np.repeat(np.arange(len(chosen)), list(map(len, chosen)))
        places = np.array([place for one in chosen for place in one], np.int64)
        values = iter(np.exp(scores[rows, places]).tolist())
        return [Answer(one, [next(values) for _ in one]) for one in chosen]

    def given(self, lines: Sequence[bytes]) -> list[list[int]]:
        """As `FastText.given`."""
        read = self._reader.read(lines)
        labels, offsets = read.labels.tolist(), read.label_offsets.tolist()
        return [labels[start:stop] for start, stop in pairwise(offsets)]

    def words_and_labels(self, line: bytes) -> tuple[list[bytes], list[bytes]]:
        """As `FastText.words_and_labels`."""
        found = list(tokens(line))
        words = [token for token in found if self._dictionary.is_word(token)]
        known = self._dictionary.places
        return words, [t for t in found if t in known and not self._dictionary.is_word(t)]

    def _sentence_vector(self, line: bytes) -> Floats:
        """Return the mean of the rows; of a model of word vectors, of the words' unit vectors."""
        if self.is_supervised:
            read = self._reader.read([line])
            return self._mean(read.ids)
        vectors = [self._word_vector(token) for token in line.split()]
        lengths = [float(np.linalg.norm(vector)) for vector in vectors]
        units = [
            vector / np.float32(length)
            for vector, length in zip(vectors, lengths, strict=True)
            if length > 0
        ]
        if not units:
            return np.zeros(self.get_dimension(), np.float32)
        mean: Floats = np.add.reduce(units) * np.float32(1 / len(units))
        return mean

    def _word_vector(self, word: bytes) -> Floats:
        rows = np.array([row for _, row in self._dictionary.subwords(word)], np.int32)
        return self._mean(rows)

    def _mean(self, rows: NDArray[np.int32]) -> Floats:
        mean: Floats = self._table.means(rows, np.array([0, len(rows)]))[0]
        return mean
