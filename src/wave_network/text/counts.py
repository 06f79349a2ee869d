"""Count what a model reads of texts, and what it does not: empty texts, cut texts, duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.text.batches import SentenceBatch, TokenBatch
from wave_network.text.fasttext_tokenizer import FastTextTokenizer
from wave_network.text.packed import AnyTexts, Utf8Texts, chunks_of, strings_of
from wave_network.text.tokenizer import CHARACTERS_PER_TOKEN, TextTokenizer

_COUNTS: Final = ("texts", "empty", "cut", "tokens", "lost", "longest")
_UNLIMITED: Final = 2**24  # tokens; no text is read that far
_MOST_HASHED: Final = 2**22  # texts; bounds the memory for a stream


class TextCounts:
    """Counts the texts that are encoded, and the tokens that are not read.

    Only texts with as many tokens as are read at most are encoded again, to count the others.

    Args:
        tokenizer: The tokenizer that encodes the texts.

    Attributes:
        max_length: The maximum number of tokens read from a text, `[CLS]` included.
        texts: Number of texts.
        empty: How many of them have no token.
        cut: How many have more tokens than are read.
        tokens: Number of tokens, without `[CLS]`, including those that are not read.
        lost: How many of them are not read. Beyond the characters that are read at all, estimated
            from those before.
        longest: The number of tokens of the longest text, `[CLS]` included.
    """

    def __init__(self, tokenizer: TextTokenizer | FastTextTokenizer) -> None:
        self.max_length = tokenizer.max_length
        self.texts = self.empty = self.cut = self.tokens = self.lost = self.longest = 0
        self._limit = CHARACTERS_PER_TOKEN * tokenizer.max_length
        self._tokenizer = tokenizer
        self._hashes: list[NDArray[np.int64]] = []

    def add(self, texts: list[str] | Utf8Texts, lengths: NDArray[np.int64]) -> None:
        """Count texts.

        Args:
            texts: The texts.
            lengths: The number of tokens of each that were read, `[CLS]` included, (texts,).
        """
        count = len(lengths)
        if self.texts < _MOST_HASHED:
            self._add_hashes(texts, lengths)
        self.texts += count
        self.empty += int((lengths <= 1).sum())
        self.longest = max(self.longest, int(lengths.max(initial=0)))
        self.tokens += int(lengths.sum()) - count
        full = np.flatnonzero(lengths == self.max_length)
        if len(full):
            self._add_lost(list(strings_of(texts, full)))

    def facts(self) -> dict[str, int]:
        """Return the counts, but for the hashes."""
        return {name: getattr(self, name) for name in _COUNTS}

    def restore(
        self, facts: Mapping[str, int], texts: Utf8Texts, offsets: NDArray[np.int64]
    ) -> None:
        """Count texts that were counted before.

        Args:
            facts: The result of `facts`.
            texts: The texts.
            offsets: Where the tokens of each text start, and the end of the last, (texts + 1,).
        """
        for name in _COUNTS:
            setattr(self, name, int(facts[name]))
        start = 0
        for chunk in chunks_of(texts, self._limit):
            stop = start + (len(chunk.offsets) - 1 if chunk.places is None else len(chunk.places))
            self._add_hashes(chunk, np.diff(offsets[start : stop + 1]))
            if stop >= _MOST_HASHED:
                break
            start = stop

    def _add_hashes(self, texts: list[str] | Utf8Texts, lengths: NDArray[np.int64]) -> None:
        self._hashes.append(np.fromiter(map(hash, strings_of(texts)), np.int64, len(lengths)))
        self._hashes[-1][lengths <= 1] = 0  # empty texts are no duplicates

    def _add_lost(self, texts: list[str]) -> None:
        encoded = _untruncated(self._tokenizer).encode([text[: self._limit] for text in texts])
        for text, tokens in zip(texts, np.diff(encoded.offsets).tolist(), strict=True):
            share_read = min(1.0, self._limit / len(text))
            lost = round((tokens - 1) / share_read) - (self.max_length - 1)
            self.cut += lost > 0
            self.longest = max(self.longest, lost + self.max_length)
            self.lost += lost
            self.tokens += lost

    def hashes(self) -> NDArray[np.int64]:
        """Return a hash of each text, 0 for an empty one; of a stream, only of the first 4 million.

        Equal texts have equal hashes in one process.
        """
        return np.concatenate([np.empty(0, np.int64), *self._hashes])

    @property
    def hashed(self) -> int:
        """Number of texts that `hashes` has: the first ones of very many."""
        return sum(map(len, self._hashes))

    def duplicates(self) -> int:
        """Count the texts that are equal to an earlier one."""
        hashes = self.hashes()
        hashes = np.sort(hashes[hashes != 0])  # np.unique would import numpy.ma
        return int((hashes[1:] == hashes[:-1]).sum())


def _untruncated(tokenizer: TextTokenizer | FastTextTokenizer) -> TextTokenizer:
    """Return a tokenizer that reads whole texts; it shares the vocabulary and the word table."""
    assert isinstance(tokenizer, TextTokenizer)  # any other reads them whole
    other = TextTokenizer.__new__(TextTokenizer)
    vars(other).update(vars(tokenizer))
    other.max_length = _UNLIMITED
    return other


class CountingTokenizer(TextTokenizer):
    """A tokenizer that counts the texts that it encodes; it shares the vocabulary of another.

    Args:
        tokenizer: The other one.
        counts: Receives the texts.
    """

    def __init__(self, tokenizer: TextTokenizer, counts: TextCounts) -> None:
        vars(self).update(vars(tokenizer))
        self._counts = counts

    def encode(self, texts: AnyTexts) -> TokenBatch:
        """Encode texts, and count them."""
        kept = texts if isinstance(texts, Utf8Texts) else list(texts)
        batch = super().encode(kept)
        self._counts.add(kept, np.diff(batch.offsets))
        return batch

    def encode_sentences(self, texts: Iterable[str]) -> SentenceBatch:
        """Encode texts with the offsets of their sentences, and count them."""
        texts = list(texts)
        batch = super().encode_sentences(texts)
        self._counts.add(texts, np.diff(batch.offsets))
        return batch


class CountingFastTextTokenizer(FastTextTokenizer):
    """As `CountingTokenizer`, for a model of fastText."""

    def __init__(self, tokenizer: FastTextTokenizer, counts: TextCounts) -> None:
        vars(self).update(vars(tokenizer))
        self._counts = counts

    def encode(self, texts: AnyTexts) -> TokenBatch:
        """Encode texts, and count them; one of unknown words has no more rows than an empty one."""
        kept = list(strings_of(texts) if isinstance(texts, Utf8Texts) else texts)
        batch = super().encode(kept)
        blank = np.fromiter((not text.strip() for text in kept), np.bool_, len(kept))
        self._counts.add(kept, np.where(blank, 1, np.maximum(np.diff(batch.offsets), 2)))
        return batch


def counting_tokenizer(
    tokenizer: TextTokenizer | FastTextTokenizer, counts: TextCounts
) -> TextTokenizer | FastTextTokenizer:
    """Return a tokenizer that counts the texts that it encodes, of the kind of another."""
    if isinstance(tokenizer, TextTokenizer):
        return CountingTokenizer(tokenizer, counts)
    return CountingFastTextTokenizer(tokenizer, counts)
