"""Learn word vectors from texts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.config.checks import check_range, check_whole
from wave_network.errors import ConfigError, DataError
from wave_network.few_labels.learnt_vectors import LearntVectors
from wave_network.progress.stages import say
from wave_network.text.fasttext_dictionary import LABEL_PREFIX, FastTextDictionary
from wave_network.text.whole_words import word_splitter
from wave_network.training.vectors.factors import factorise
from wave_network.training.vectors.neighbours import count_neighbours
from wave_network.training.vectors.subwords import with_subwords
from wave_network.training.vectors.words import Corpus, Splitter, read_words

MOST_WORDS: Final = 2**18
"""Words that get a vector of their own; rarer ones have those of their n-grams."""

_WIDEST: Final = 1_000
_LARGEST_WINDOW: Final = 100
_LONGEST_NGRAM: Final = 20


@dataclass(frozen=True)
class VectorSettings:
    """How word vectors are learnt.

    Attributes:
        size: Numbers of a vector.
        window: How many words to each side are neighbours of a word.
        min_count: How often a word occurs at least.
        shortest: The least number of characters of an n-gram.
        longest: The highest; 0: no n-grams, so other words have no vector.
        buckets: Buckets that n-grams are hashed into.
        seed: Seed of the decomposition.

    Raises:
        ConfigError: If a number is out of range.
    """

    size: int = 100
    window: int = 10
    min_count: int = 5
    shortest: int = 3
    longest: int = 6
    buckets: int = 2_000_000
    seed: int = 0

    def __post_init__(self) -> None:
        check_whole(self, *VectorSettings.__dataclass_fields__)
        check_range("size", self.size, 2, _WIDEST)
        check_range("window", self.window, 1, _LARGEST_WINDOW)
        check_range("min_count", self.min_count, 1, None)
        check_range("longest", self.longest, 0, _LONGEST_NGRAM)
        check_range("shortest", self.shortest, 0, _LONGEST_NGRAM)
        check_range("buckets", self.buckets, 0, 2**31 - 1 - MOST_WORDS)
        check_range("seed", self.seed, 0, None)
        if self.longest and not self.buckets:
            raise ConfigError("n-grams need buckets: give more than 0, or no n-grams")


def our_words() -> Splitter:
    """Return what splits texts as our models do: in lower case, punctuation by itself."""
    split = word_splitter()

    def words_in(string: str) -> list[str]:
        return [] if string.startswith(LABEL_PREFIX) else split(string)

    return Splitter(str.split, words_in)


def learn_vectors(
    texts: Iterable[str], splitter: Splitter, settings: VectorSettings, *, cased: bool
) -> LearntVectors:
    """Learn word vectors from texts; the same whatever the number of threads.

    Args:
        texts: The texts, which are read once; they may be more than fit into memory.
        splitter: Splits them into words.
        settings: How to learn.
        cased: Whether its words tell capital letters apart.

    Raises:
        DataError: If too few words recur.
        OutputError: If the texts are large, and the temporary folder cannot take their words.
    """
    corpus = read_words(texts, splitter, settings.min_count, MOST_WORDS)
    _say_what_was_read(corpus, settings)
    if len(corpus.words) < 2:
        raise DataError(
            f"too few words occur {settings.min_count} times: give more texts, or a lower minimum"
        )
    counts = count_neighbours(corpus.ids, len(corpus.words), settings.window)
    vectors = factorise(counts, settings.size, settings.seed)
    dictionary = _dictionary(corpus, settings)
    if not settings.longest:
        return LearntVectors(dictionary, _of_16_bits(vectors), vectors[:0], cased)
    vectors, subwords = with_subwords(dictionary, vectors)
    kept = subwords.buckets, np.arange(len(subwords.buckets), dtype=np.int32)
    dictionary = replace(dictionary, kept=kept)
    return LearntVectors(dictionary, _of_16_bits(vectors), _of_16_bits(subwords.vectors), cased)


def _dictionary(corpus: Corpus, settings: VectorSettings) -> FastTextDictionary:
    return FastTextDictionary(
        [word.encode() for word in corpus.words],
        corpus.counts,
        words=len(corpus.words),
        shortest=settings.shortest,
        longest=settings.longest,
        ngram=1,
        buckets=settings.buckets,
    )


def _of_16_bits(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Round vectors to the numbers that are stored."""
    return vectors.astype(np.float16).astype(np.float32)


def _say_what_was_read(corpus: Corpus, settings: VectorSettings) -> None:
    say(f"texts: {corpus.texts:,}, with {corpus.tokens:,} words")
    kept = f"words with a vector: {len(corpus.words):,}"
    if corpus.rare:
        are_cut = len(corpus.words) == MOST_WORDS
        rare = "are rarer" if are_cut else f"occur fewer than {settings.min_count} times"
        kept += f"; {corpus.rare:,} others {rare}"
    say(kept)
