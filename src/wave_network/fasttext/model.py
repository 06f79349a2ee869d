"""What a model of the archived module offers: `FastText`, for its own models and for ours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.errors import ConfigError, DataError
from wave_network.fasttext.lines import groups, stream_lines
from wave_network.fasttext.meter import Meter
from wave_network.models.numpy_ops import Floats

Found = tuple[float, str]
"""A score, and the word that has it."""


class Answer(NamedTuple):
    """The labels of a line, the most probable first, and their probabilities."""

    labels: list[int]
    probabilities: list[float]


class FastText(ABC):
    """A model with the methods of the archived module's models.

    `load_model` and `train_supervised` return one. Names, arguments, defaults and results are those
    of the module; where they cannot be, the method says so in an error.
    """

    @abstractmethod
    def is_quantized(self) -> bool:
        """Whether its table is stored in fewer bits."""

    @abstractmethod
    def get_dimension(self) -> int:
        """Return the number of columns of a vector."""

    @abstractmethod
    def words_counted(self, errors: str) -> tuple[list[str], NDArray[np.int64]]:
        """Return the words, and how often each was in the training data."""

    @abstractmethod
    def labels_counted(self, errors: str) -> tuple[list[str], NDArray[np.int64]]:
        """Return the labels with their prefix, and how often each was in the training data."""

    @abstractmethod
    def get_word_id(self, word: str) -> int:
        """Return the place of a word; -1 if it is unknown."""

    @abstractmethod
    def get_label_id(self, label: str) -> int:
        """Return the place of a label; -1 if it is unknown."""

    @abstractmethod
    def get_subword_id(self, subword: str) -> int:
        """Return the row of the table that a subword has."""

    @abstractmethod
    def get_subwords(
        self, word: str, on_unicode_error: str = "strict"
    ) -> tuple[list[str], NDArray[np.int64]]:
        """Return the parts of a word that have a row of the table, and the rows."""

    @abstractmethod
    def get_input_vector(self, ind: int) -> Floats:
        """Return a row of the table."""

    @abstractmethod
    def get_word_vector(self, word: str) -> Floats:
        """Return the vector of a word: the mean of the rows of its parts."""

    @abstractmethod
    def get_input_matrix(self) -> Floats:
        """Return the table."""

    @abstractmethod
    def get_output_matrix(self) -> Floats:
        """Return the matrix of the labels."""

    @abstractmethod
    def save_model(self, path: str | Path) -> None:
        """Save the model."""

    @abstractmethod
    def quantize(self, input: str | None = None, **options: Any) -> None:  # noqa: ANN401
        """Store the table in fewer bits."""

    @abstractmethod
    def _sentence_vector(self, line: bytes) -> Floats:
        """Return the vector of a line."""

    @abstractmethod
    def answer(self, lines: Sequence[bytes], k: int, threshold: float) -> list[Answer | None]:
        """Choose labels for lines; None for a line of which nothing is known."""

    @abstractmethod
    def given(self, lines: Sequence[bytes]) -> list[list[int]]:
        """Return the labels that lines begin with, or contain, without the unknown ones."""

    @abstractmethod
    def words_and_labels(self, line: bytes) -> tuple[list[bytes], list[bytes]]:
        """Return the words of a line and its known labels."""

    @property
    @abstractmethod
    def is_supervised(self) -> bool:
        """Whether it is a classifier."""

    @cached_property
    def words(self) -> list[str]:
        """The words."""
        return self.words_counted("strict")[0]

    @cached_property
    def labels(self) -> list[str]:
        """The labels, with their prefix; of a model without any, the words."""
        return self.labels_counted("strict")[0] if self.is_supervised else self.words

    def get_words(
        self, include_freq: bool = False, on_unicode_error: str = "strict"
    ) -> list[str] | tuple[list[str], NDArray[np.int64]]:
        """Return the words, and with `include_freq` how often each was in the training data."""
        words, counts = self.words_counted(on_unicode_error)
        return (words, counts) if include_freq else words

    def get_labels(
        self, include_freq: bool = False, on_unicode_error: str = "strict"
    ) -> list[str] | tuple[list[str], NDArray[np.int64]]:
        """Return the labels with their prefix; of a model without any, the words."""
        if not self.is_supervised:
            return self.get_words(include_freq, on_unicode_error)
        labels, counts = self.labels_counted(on_unicode_error)
        return (labels, counts) if include_freq else labels

    def predict(
        self,
        text: str | list[str],
        k: int = 1,
        threshold: float = 0.0,
        on_unicode_error: str = "strict",
    ) -> tuple[Any, Any]:
        """Predict the labels of a line, or of a list of lines.

        Args:
            text: A line without a line feed, or a list of them.
            k: How many labels, at most; -1: all.
            threshold: The least probability of a label.
            on_unicode_error: What to do with labels that are not UTF-8, as for `bytes.decode`.

        Returns:
            For a line a tuple of labels, the most probable first, and an array of their
            probabilities. For a list a list of such labels, each a list, and a list of arrays.

        Raises:
            ConfigError: If the model is no classifier, or `k` is neither -1 nor above 0.
            DataError: If a line has a line feed.
        """
        lines = [_line(one, "predict") for one in (text if isinstance(text, list) else [text])]
        names = self.labels_counted(on_unicode_error)[0] if self.is_supervised else []
        labels: list[list[str]] = []
        probabilities: list[list[float]] = []
        for answer in self.answers(lines, k, threshold):
            labels.append([names[place] for place in answer.labels] if answer else [])
            probabilities.append(answer.probabilities if answer else [])
        if isinstance(text, list):
            if len(set(map(len, probabilities))) == 1:  # one array is quicker made than many
                return labels, list(np.array(probabilities, np.float32))
            return labels, [np.array(each, np.float32) for each in probabilities]
        return tuple(labels[0]), np.array(probabilities[0])

    def answers(self, lines: Iterable[bytes], k: int, threshold: float) -> Iterator[Answer | None]:
        """Yield the answer for each line.

        Raises:
            ConfigError: As in `predict`.
        """
        if not self.is_supervised:
            raise ConfigError("Model needs to be supervised for prediction!")
        if k != -1 and k < 1:
            raise ConfigError("k needs to be 1 or higher!")
        for group in groups(lines):
            yield from self.answer(group, k, threshold)

    def test(
        self, path: str | Path, k: int = 1, threshold: float = 0.0
    ) -> tuple[int, float, float]:
        """Evaluate the model on a file of labelled lines.

        Returns:
            The number of lines with a known label, the precision and the recall of the labels.
        """
        meter = self._measured_file(path, k, threshold)
        return meter.lines, meter.precision(), meter.recall()

    def test_label(
        self, path: str | Path, k: int = 1, threshold: float = 0.0
    ) -> dict[str, dict[str, float]]:
        """Evaluate each label: its `precision`, `recall` and `f1score`."""
        meter = self._measured_file(path, k, threshold)
        names = self.labels_counted("strict")[0]
        return {name: meter.scores(place) for place, name in enumerate(names)}

    def measured(self, lines: Iterable[bytes], k: int, threshold: float) -> Meter:
        """Predict labelled lines, and count.

        Raises:
            ConfigError: As in `predict`.
        """
        meter = Meter()
        for group in groups(lines):
            answers = self.answers(group, k, threshold)
            for given, answer in zip(self.given(group), answers, strict=True):
                if given and answer is not None:
                    meter.add(given, answer.labels)
        return meter

    def _measured_file(self, path: str | Path, k: int, threshold: float) -> Meter:
        try:
            with Path(path).open("rb") as file:
                return self.measured(stream_lines(file), k, threshold)
        except OSError as error:
            raise DataError(f"Test file cannot be opened! ({path}: {error.strerror})") from error

    def get_line(
        self, text: str | list[str], on_unicode_error: str = "strict"
    ) -> tuple[list[Any], list[Any]]:
        """Split a line into its words and its labels; a list of lines into lists of them.

        Raises:
            DataError: If a line has a line feed.
        """
        lines = [_line(one, "get_line") for one in (text if isinstance(text, list) else [text])]
        found = [self.words_and_labels(line) for line in lines]
        words, labels = (
            [[token.decode("utf-8", on_unicode_error) for token in each[part]] for each in found]
            for part in (0, 1)
        )
        return (words, labels) if isinstance(text, list) else (words[0], labels[0])

    def get_sentence_vector(self, text: str) -> Floats:
        """Return the vector of a line.

        Raises:
            DataError: If it has a line feed.
        """
        return self._sentence_vector(_line(text, "predict"))

    def get_nearest_neighbors(
        self, word: str, k: int = 10, on_unicode_error: str = "strict"
    ) -> list[Found]:
        """Return the words whose vectors are most similar to a word's, with their cosines."""
        return self._nearest(self.get_word_vector(word), k, {word}, on_unicode_error)

    def get_analogies(
        self,
        wordA: str,  # noqa: N803
        wordB: str,  # noqa: N803
        wordC: str,  # noqa: N803
        k: int = 10,
        on_unicode_error: str = "strict",
    ) -> list[Found]:
        """Return the words that are most similar to A - B + C, with their cosines."""
        first, second, third = (
            vector / np.float32(np.linalg.norm(vector) + 1e-8)
            for vector in map(self.get_word_vector, (wordA, wordB, wordC))
        )
        return self._nearest(first - second + third, k, {wordA, wordB, wordC}, on_unicode_error)

    def _nearest(self, query: Floats, k: int, but: set[str], errors: str) -> list[Found]:
        words = self.words_counted(errors)[0]
        length = float(np.linalg.norm(query))
        similar = self._unit_vectors @ query / np.float32(length if length >= 1e-8 else 1)
        order = np.argsort(-similar, kind="stable")[: max(k, 0) + len(but)].tolist()
        found = [(float(similar[place]), words[place]) for place in order]
        return [one for one in found if one[1] not in but][: max(k, 0)]

    @cached_property
    def _unit_vectors(self) -> Floats:
        vectors = np.array([self.get_word_vector(word) for word in self.words], np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        result: Floats = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
        return result

    def __getitem__(self, word: str) -> Floats:
        return self.get_word_vector(word)

    def __contains__(self, word: str) -> bool:
        return word in self.words


def _line(text: str, method: str) -> bytes:
    if "\n" in text:
        raise DataError(f"{method} processes one line at a time (remove '\\n')")
    return text.encode("utf-8", "replace") + b"\n"
