"""Texts as packed token ids: one array for all texts, with offsets and without padding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wave_network.data.targets import Targets, most_probable
from wave_network.scale.arrays import blocks, permutation

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class PackedTexts:
    """Tokenised texts laid end to end.

    Attributes:
        ids: Token ids, int32, (tokens,). Every text starts with `[CLS]`.
        offsets: Where each text starts, and the end of the last, int64, (texts + 1,).
        labels: The targets; None when predicting.
        sentences: The number of each token's sentence, never falling, int32, (tokens,); None for
            models that do not read sentences.
        weights: Sample weights, float32, (texts,); None: all count alike.
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    labels: Targets | None = None
    sentences: NDArray[np.int32] | None = None
    weights: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        """Number of texts."""
        return len(self.offsets) - 1

    @property
    def hard_labels(self) -> NDArray[np.int64]:
        """Class indices, (texts,); of soft targets, the most probable class."""
        assert self.labels is not None
        return most_probable(self.labels)

    def select(self, texts: NDArray[np.int64]) -> PackedTexts:
        """Select texts by index, in the order of the indices."""
        starts = self.offsets[texts]
        lengths = self.offsets[texts + 1] - starts
        offsets = offsets_of(lengths)
        tokens = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)
        return PackedTexts(
            ids=self.ids[tokens],
            offsets=offsets,
            labels=None if self.labels is None else self.labels[texts],
            sentences=None if self.sentences is None else self.sentences[tokens],
            weights=None if self.weights is None else self.weights[texts],
        )

    def between(self, start: int, stop: int) -> PackedTexts:
        """Return the texts from `start` up to `stop`, without copying their tokens."""
        first, end = self.offsets[start], self.offsets[stop]
        return PackedTexts(
            ids=self.ids[first:end],
            offsets=self.offsets[start : stop + 1] - first,
            labels=None if self.labels is None else self.labels[start:stop],
            sentences=None if self.sentences is None else self.sentences[first:end],
            weights=None if self.weights is None else self.weights[start:stop],
        )

    def chunks(self, most_tokens: int) -> Iterator[tuple[int, int]]:
        """Yield the bounds of chunks of all texts, of at most `most_tokens` tokens or one text."""
        start = 0
        while start < len(self):
            limit = self.offsets[start] + most_tokens
            stop = max(int(np.searchsorted(self.offsets, limit, side="right")) - 1, start + 1)
            yield start, stop
            start = stop

    def bounded(self, most_tokens: int, seed: int) -> PackedTexts:
        """Return all texts, or a random sample of at most `most_tokens` tokens, in order."""
        if len(self.ids) <= most_tokens:
            return self
        order = permutation(len(self), np.random.default_rng(seed))
        chosen, tokens = 0, 0
        for block in blocks(len(order)):
            texts = order[block]
            ends = tokens + np.cumsum(self.offsets[texts + 1] - self.offsets[texts])
            fitting = int(np.searchsorted(ends, most_tokens))
            chosen, tokens = chosen + fitting, int(ends[-1])
            if fitting < len(texts):
                break
        return self.select(np.sort(order[:chosen]))

    def drop_tokens(self, probability: float, generator: np.random.Generator) -> PackedTexts:
        """Drop each token except `[CLS]` with the given probability."""
        keep = generator.random(len(self.ids), dtype=np.float32) >= probability
        keep[self.offsets[:-1]] = True
        return PackedTexts(
            ids=self.ids[keep],
            offsets=offsets_of(np.add.reduceat(keep, self.offsets[:-1], dtype=np.int64)),
            labels=self.labels,
            sentences=None if self.sentences is None else self.sentences[keep],
            weights=self.weights,
        )

    def to_torch(self) -> PackedBatch:
        """Convert to tensors on the CPU."""
        import torch

        return PackedBatch(
            ids=torch.from_numpy(self.ids).long(),
            offsets=torch.from_numpy(self.offsets),
            labels=None if self.labels is None else torch.from_numpy(self.labels),
            sentence_offsets=(
                None
                if self.sentences is None
                else torch.from_numpy(sentence_offsets(self.sentences, self.offsets))
            ),
            weights=None if self.weights is None else torch.from_numpy(self.weights),
        )


@dataclass(frozen=True)
class PackedBatch:
    """A batch of packed texts as tensors.

    Attributes:
        ids: Token ids, int64, (tokens,).
        offsets: Text boundaries, int64, (texts + 1,).
        labels: As in `PackedTexts`.
        sentence_offsets: Sentence boundaries, which include all text boundaries, int64,
            (sentences + 1,), or None.
        weights: Sample weights, float32, (texts,), or None.
    """

    ids: torch.Tensor
    offsets: torch.Tensor
    labels: torch.Tensor | None = None
    sentence_offsets: torch.Tensor | None = None
    weights: torch.Tensor | None = None

    @property
    def hard_labels(self) -> torch.Tensor:
        """Class indices, (texts,); of soft targets, the most probable class."""
        assert self.labels is not None
        return self.labels.argmax(dim=1) if self.labels.is_floating_point() else self.labels

    def to(self, device: torch.device) -> PackedBatch:
        """Move the batch to another device."""
        return PackedBatch(
            ids=self.ids.to(device),
            offsets=self.offsets.to(device),
            labels=None if self.labels is None else self.labels.to(device),
            sentence_offsets=(
                None if self.sentence_offsets is None else self.sentence_offsets.to(device)
            ),
            weights=None if self.weights is None else self.weights.to(device),
        )


def sentence_offsets(sentences: NDArray[np.int32], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the start of each sentence and the end of the last, from sentence numbers."""
    starts = np.concatenate([[True], sentences[1:] != sentences[:-1]])
    starts[offsets[:-1]] = True
    return np.append(np.flatnonzero(starts), len(sentences)).astype(np.int64)


def training_batches(
    texts: PackedTexts, batch_size: int, token_dropout: float, generator: np.random.Generator
) -> Iterator[PackedBatch]:
    """Yield the batches of an epoch in random order; the last may be smaller."""
    for chosen in shuffled(len(texts), batch_size, generator):
        yield draw(texts, chosen, token_dropout, generator).to_torch()


def shuffled(
    texts: int, batch_size: int, generator: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Yield the text indices of each batch of an epoch; the last batch may be smaller."""
    order = permutation(texts, generator)
    for start in range(0, texts, batch_size):
        yield order[start : start + batch_size]


def draw(
    texts: PackedTexts,
    chosen: NDArray[np.int64],
    token_dropout: float,
    generator: np.random.Generator,
) -> PackedTexts:
    """Select texts and drop tokens."""
    batch = texts.select(chosen)
    return batch.drop_tokens(token_dropout, generator) if token_dropout else batch


def evaluation_batches(texts: PackedTexts, max_tokens: int = 1 << 16) -> Iterator[PackedBatch]:
    """Yield all texts in order, in batches of at most `max_tokens` tokens or of one text."""
    for start, stop in texts.chunks(max_tokens):
        yield texts.between(start, stop).to_torch()


def offsets_of(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each row starts, and the end of the last, from the lengths."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets
