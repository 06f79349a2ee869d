"""Predict texts with a model folder and NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wave_network._native.threads import using
from wave_network.config import Label
from wave_network.config.checks import check_range
from wave_network.data.labels import labelling_of
from wave_network.data.values import check_one_column
from wave_network.errors import ConfigError, DataError, listed
from wave_network.evaluation.conformal import threshold_for
from wave_network.models.numpy_ops import Wave, check_finite, finite_expected
from wave_network.models.registry import family_of
from wave_network.numerics.dense import unit_rows
from wave_network.persistence.folder import ModelFiles, read_model
from wave_network.persistence.tokenizers import text_tokenizer
from wave_network.runtime.prediction import Prediction, predictions
from wave_network.text.batches import IdArray, OffsetArray

if TYPE_CHECKING:
    from wave_network.runtime.explanation import Explanation

Encoded: TypeAlias = tuple[IdArray, OffsetArray, OffsetArray | None]

_TEXTS_AT_ONCE = 4_096
_CHARACTERS_AT_ONCE = 2**22  # of texts that are kept to be returned, far longer than what is read
_EXPLAINED_AT_ONCE = 64
_NUMBERS_AT_ONCE = 2**24  # of all labels of these texts: models may have many labels


class Engine:
    """A trained classifier without torch. Safe to share between threads.

    Args:
        files: The contents of a model folder.
        threads: How many threads to use; None: as many as the process may use. Answers do not
            depend on it.

    Raises:
        ConfigError: If there are no threads.
    """

    def __init__(self, files: ModelFiles, threads: int | None = None) -> None:
        if threads is not None:
            check_range("threads", threads, 1, None)
        self._threads = threads
        self.config = files.config
        self.labelling = labelling_of(files.config)
        self._places = {label: place for place, label in enumerate(files.config.labels)}
        self.tokenizer = files.tokenizer
        self._network = family_of(files.config).numpy_network(files.config, files.tensors)
        self._conformal_thresholds = files.conformal_thresholds
        self._out_of_scope = files.out_of_scope
        self._temperature = files.temperature or 1.0
        most = max(1, _NUMBERS_AT_ONCE // files.config.num_labels)
        self._texts_at_once = min(_TEXTS_AT_ONCE, most)
        self._explained_at_once = max(1, min(_EXPLAINED_AT_ONCE, most // 16))

    @property
    def labels(self) -> tuple[Label, ...]:
        """The classes, in the order of `predict_proba`'s columns."""
        return self.config.labels

    def predict(
        self, texts: Iterable[str], threshold: float = 0.0, *, out_of_scope: bool = False
    ) -> list[Prediction]:
        """Classify texts.

        A text gets the same probabilities alone, in any batch and in any order, to 1e-6: sums of
        larger batches may be rounded in another order.

        Args:
            texts: Strings, in a list, an array, a pandas or polars Series, or any iterable. A
                single string or a table is refused.
            threshold: If the probability is below it, the label is None. For a multi-label model,
                labels below it are also dropped, in addition to their own thresholds.
            out_of_scope: Also tell how unusual each text is, from 0 to 1: see `Prediction`.

        Returns:
            One prediction for each text, in order.

        Raises:
            ConfigError: If the threshold is not between 0 and 1, or the model has no out-of-scope
                score.
            DataError: If `texts` is a single string or a table, or one of them is not a string.
        """
        return [
            prediction
            for _, prediction in self.iter_predict(texts, threshold, out_of_scope=out_of_scope)
        ]

    def iter_predict(
        self, texts: Iterable[str], threshold: float = 0.0, *, out_of_scope: bool = False
    ) -> Iterator[tuple[str, Prediction]]:
        """Classify a stream of texts in constant memory.

        Args:
            texts: As for `predict`.
            threshold: As for `predict`.
            out_of_scope: As for `predict`.

        Yields:
            Each text with its prediction, in order.
        """
        if not 0 <= threshold <= 1:
            raise ConfigError(f"threshold must be between 0 and 1; got {threshold}")
        if out_of_scope and self._out_of_scope is None:
            raise ConfigError(
                "this model has no out-of-scope score: train it again with this version, with at "
                "least 20 validation texts"
            )
        for chunk in _chunks(_checked(texts), self._texts_at_once):
            encoded, logits = self._answer(chunk)
            unusual = self._unusual(chunk, encoded, logits) if out_of_scope else [None] * len(chunk)
            probabilities = self._probabilities(logits)
            answers = self.labelling.answers(probabilities, threshold)
            found = predictions(self._places, probabilities, answers, unusual)
            yield from zip(chunk, found, strict=True)

    def predict_proba(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """Predict class probabilities.

        Args:
            texts: As for `predict`.

        Returns:
            float32, (texts, classes), with the columns in the order of `labels`. The rows sum
            to 1, except for a multi-label model.

        Raises:
            DataError: As `predict`.
        """
        parts = [
            self._probabilities(self._answer(chunk)[1])
            for chunk in _chunks(_checked(texts), self._texts_at_once)
        ]
        return np.concatenate(parts) if parts else np.empty((0, len(self.labels)), np.float32)

    def embed(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """Compute a vector for each text; similar texts have similar vectors.

        The vectors are what the model's heads compute their answers from. For `small`, `tiny` and
        `large` they are the coherent sums of the tokens' waves and the hidden layer; for `paper`,
        the last layer's pooled output; for a model of fastText, its sentence vectors.

        Args:
            texts: As for `predict`.

        Returns:
            float32, (texts, dimensions), rows of length 1: the scalar product of two is their
            cosine similarity.

        Raises:
            DataError: As `predict`.
        """
        parts = [self._embedded(chunk) for chunk in _chunks(_checked(texts), self._texts_at_once)]
        return np.concatenate(parts) if parts else self._embedded([""])[:0]

    def explain(self, text: str, label: Label | None = None) -> Explanation:
        """Explain an answer: how much does each token of the text contribute?

        Args:
            text: One text.
            label: The label whose log-odds are explained; None for the most probable one.

        Raises:
            DataError: If the text is not a string, or the model has no such label.
            ConfigError: If the model has several layers, or does not pool at `[CLS]`, or is of
                fastText and has a single label.
        """
        (explanation,) = self.iter_explain([text], label)
        return explanation

    def iter_explain(
        self, texts: Iterable[str], label: Label | None = None
    ) -> Iterator[Explanation]:
        """Explain a stream of texts in constant memory, faster than one by one.

        Args:
            texts: As for `predict`.
            label: As for `explain`; the same for every text.

        Yields:
            Each text's explanation, in order.

        Raises:
            DataError: As in `explain`; and its other errors.
        """
        from wave_network.runtime.explanation import (
            explanations,  # imported here, so that predicting starts faster
        )

        index = None if label is None else self._index(label)
        for chunk in _chunks(_checked(texts), self._explained_at_once):
            yield from explanations(
                self._network,
                self.tokenizer,
                self.labels,
                chunk,
                self._encode(chunk),
                index,
                self._temperature,
            )

    def predict_sets(self, texts: Iterable[str], coverage: float = 0.9) -> list[list[Label]]:
        """Predict a set of labels for each text that contains the true one with a given frequency.

        The coverage holds on average over texts from the same source as the validation texts of
        the training; see `wave_network.evaluation.conformal`.

        Args:
            texts: As for `predict`.
            coverage: The share of sets that should contain the true label, between 0 and 1.

        Returns:
            The labels of each text, the most probable first. A set can be empty if the coverage is
            lower than the model's accuracy.

        Raises:
            ConfigError: If the coverage is not between 0 and 1, the model had too few validation
                texts for it, or it was written by a version without prediction sets.
            DataError: As in `predict`.
        """
        threshold = self.conformal_threshold(coverage)
        return [prediction_set(answer, threshold) for _, answer in self.iter_predict(texts)]

    def conformal_threshold(self, coverage: float) -> float:
        """Return the lowest probability of a label in a prediction set of that coverage.

        Raises:
            ConfigError: As in `predict_sets`.
        """
        if self.labelling.multi_label:
            raise ConfigError(
                "prediction sets are for single-label models: this one is multi-label, "
                "so predict without a coverage"
            )
        return threshold_for(coverage, self._conformal_thresholds)

    def waves(self, text: str) -> tuple[list[str], Wave, Wave]:
        """Return the tokens of a text, and both waves of each in the first layer, not yet combined.

        Args:
            text: One text.

        Returns:
            The text of each token, and Z and Z', each of shape (tokens, hidden).

        Raises:
            DataError: If it is not a string.
        """
        ids, offsets, sentence_offsets = self._encode(list(_checked([text])))
        with finite_expected():
            first, second = self._network.waves(ids, offsets, sentence_offsets)
        check_finite(*first, *second)
        return text_tokenizer(self.tokenizer).tokens(ids), first, second

    def _index(self, label: Label) -> int:
        if label not in self.labels:
            raise DataError(f"no label {label!r}: the model has {listed(self.labels)}")
        return self.labels.index(label)

    def _unusual(
        self, texts: list[str], encoded: Encoded, logits: NDArray[np.float32]
    ) -> list[float]:
        """Return the out-of-scope score of each text."""
        from wave_network.evaluation.out_of_scope import ScoredTexts, characters_read, energies

        assert self._out_of_scope is not None
        ids, offsets, _ = encoded
        characters = characters_read(texts, offsets, self.tokenizer.max_length)
        found = energies(logits, multi_label=self.labelling.multi_label)
        scores = self._out_of_scope.score(ScoredTexts(ids, offsets, characters, found))
        result: list[float] = scores.tolist()
        return result

    def _answer(self, texts: list[str]) -> tuple[Encoded, NDArray[np.float32]]:
        """Encode texts and compute their logits."""
        with using(1 if len(texts) == 1 else self._threads):  # counting cores takes time, too
            encoded = self._encode(texts)
            return encoded, self._logits(*encoded)

    def _embedded(self, texts: list[str]) -> NDArray[np.float32]:
        with using(1 if len(texts) == 1 else self._threads):
            found = self._computed(self._network.embeddings, *self._encode(texts))
        return unit_rows(found)

    def _probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.config.gives_probabilities:
            return logits
        logits /= self._temperature
        return self.labelling.probabilities(logits)

    def _logits(
        self, ids: IdArray, offsets: OffsetArray, sentence_offsets: OffsetArray | None
    ) -> NDArray[np.float32]:
        return self._computed(self._network.logits, ids, offsets, sentence_offsets)

    def _computed(
        self,
        compute: Callable[[IdArray, OffsetArray, OffsetArray | None], NDArray[np.float32]],
        ids: IdArray,
        offsets: OffsetArray,
        sentence_offsets: OffsetArray | None,
    ) -> NDArray[np.float32]:
        """Apply a function of the network to encoded texts, in parts if they are many."""
        with finite_expected():
            if len(ids) <= self._network.tokens_at_once:
                result = compute(ids, offsets, sentence_offsets)
            else:
                parts = self._in_parts(ids, offsets, sentence_offsets)
                result = np.concatenate([compute(*part) for part in parts])
        check_finite(result)
        return result

    def _in_parts(
        self, ids: IdArray, offsets: OffsetArray, sentence_offsets: OffsetArray | None
    ) -> Iterator[Encoded]:
        for start, stop in _token_bounded(offsets, self._network.tokens_at_once):
            first, last = offsets[start], offsets[stop]
            sentences = None
            if sentence_offsets is not None:
                low, high = np.searchsorted(sentence_offsets, [first, last])
                sentences = sentence_offsets[low : high + 1] - first
            yield ids[first:last], offsets[start : stop + 1] - first, sentences

    def _encode(self, texts: list[str]) -> Encoded:
        """Return ids, the offsets of texts, and those of sentences if the model needs them."""
        if self.config.reads_sentences:
            return text_tokenizer(self.tokenizer).encode_sentences(texts)
        return *self.tokenizer.encode(texts), None


def prediction_set(prediction: Prediction, threshold: float) -> list[Label]:
    """Return the labels whose probability reaches the conformal threshold, most probable first."""
    return list(prediction.scores.reaching(threshold))


def load(source: str | Path, threads: int | None = None) -> Engine:
    """Load a model for predicting; needs no torch.

    Args:
        source: A model folder, `hub:OWNER/NAME`, or `hub:OWNER/NAME@REVISION`: a branch, tag or
            commit, which pins the model. Or a model file of fastText, `.bin` or `.ftz`.
        threads: As for `Engine`.

    Raises:
        ConfigError: As `Engine`.
        ModelFolderError: If it is missing or damaged, not a Wave Network model, or from a newer
            version.
    """
    return Engine(read_model(source), threads)


def _token_bounded(offsets: NDArray[np.int64], tokens: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of texts with at most `tokens` tokens together, or of one text."""
    start, texts = 0, len(offsets) - 1
    while start < texts:
        stop = int(np.searchsorted(offsets, offsets[start] + tokens, side="right")) - 1
        stop = max(stop, start + 1)
        yield start, stop
        start = stop


def _checked(texts: Iterable[str]) -> Iterator[str]:
    if isinstance(texts, (str, bytes)):
        raise DataError("give a list of texts, not a single string: predict([text])")
    check_one_column(texts, "texts")
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(f"text {index} is {type(text).__name__}, not a string")
        yield text


def _chunks(texts: Iterator[str], size: int) -> Iterator[list[str]]:
    """Yield lists of texts that are bounded in number and in characters."""
    chunk: list[str] = []
    characters = 0
    for text in texts:
        chunk.append(text)
        characters += len(text)
        if len(chunk) == size or characters >= _CHARACTERS_AT_ONCE:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk
