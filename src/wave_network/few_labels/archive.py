"""The archive: the unlabelled texts to learn from, and the views of them."""

from __future__ import annotations

from itertools import chain
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.data import Table, column
from wave_network.data.batch import PackedTexts
from wave_network.few_labels.naive_bayes import UnlabelledWords
from wave_network.few_labels.text_vectors import fitted_to, text_vectors, token_vectors
from wave_network.few_labels.vectors import WordVectors
from wave_network.few_labels.views import (
    LinearView,
    NaiveBayesView,
    VectorView,
    View,
)
from wave_network.few_labels.words import (
    joined,
    tf_idf,
    without_frequent,
    words_and_bigrams,
)
from wave_network.numerics.dense import unit_rows
from wave_network.numerics.sparse import CsrMatrix, horizontal
from wave_network.numerics.svd import randomized_svd
from wave_network.text import TextTokenizer
from wave_network.text.batches import TokenBatch

_MOST_TEXTS: Final = 20_000  # this and the next two bound time and memory
_MOST_CHARACTERS: Final = 30_000_000
_MOST_SCORES: Final = 10_000_000  # texts times classes
_CHARACTERS_OF_ONE: Final = 10_000
_VOCABULARY: Final = 32_768
_MAX_LENGTH: Final = 512
_FREQUENT: Final = 0.2  # words that more texts have tell naive Bayes little, in any language
_BIGRAMS: Final = 0.7  # scale of the bigrams in the features of the linear view
_DIMENSIONS: Final = (10, 30, 100)
"""Of the latent vectors. The fewer the labels, the fewer dimensions are best."""
_OF_TOPICS: Final = 30  # dimensions that tell naive Bayes which texts are alike
# Prior weights in the pool, from the training texts of three data sets. What labelled texts alone
# say counts once it proves right.
_LATENT, _WORDS, _WORDS_AND_BIGRAMS, _PRETRAINED = 0.1, 1.6, 0.4, 0.4


class Archive(NamedTuple):
    """Unlabelled texts to learn from.

    Attributes:
        rows: The texts, column `text`.
        sampled: How many texts were looked at.
        repeated: How many texts are left out as they equal an earlier one.
        labelled: How many are left out as they equal a labelled text.
    """

    rows: Table
    sampled: int
    repeated: int
    labelled: int


def read_archive(unlabelled: Table, labelled: Table, classes: int, seed: int) -> Archive:
    """Choose the texts to learn from: of many, a random sample; none that is empty or repeated.

    Args:
        unlabelled: All unlabelled texts, column `text`.
        labelled: The labelled texts, column `text`.
        classes: Number of classes; with more than 500, fewer texts are chosen.
        seed: Seed of the sample.
    """
    order = np.random.default_rng(seed).permutation(len(unlabelled))
    order = order[: min(_MOST_TEXTS, _MOST_SCORES // classes)]
    is_labelled = dict.fromkeys(map(hash, column(labelled, "text")), True)
    chosen: list[int] = []
    sampled = repeated = known = characters = 0
    for place, text in zip(order, column(unlabelled.select(order), "text"), strict=True):
        if characters > _MOST_CHARACTERS:
            break
        sampled += 1
        before = is_labelled.get(hash(text))
        repeated += before is False
        known += before is True
        if before is not None or not text.strip():
            continue
        characters += min(len(text), _CHARACTERS_OF_ONE)
        is_labelled[hash(text)] = False
        chosen.append(place)
    rows = unlabelled.select(np.sort(np.array(chosen, np.int64)))
    return Archive(rows, sampled, repeated, known)


def views_of(
    labelled: Table, unlabelled: Table, seed: int, vectors: WordVectors | None = None
) -> list[View]:
    """Return the views of labelled and unlabelled texts, in this order.

    The first view learns from labelled texts alone. No view knows a label yet.

    Args:
        labelled: The labelled texts, column `text`.
        unlabelled: The unlabelled texts, column `text`.
        seed: Seed of the decomposition and of the solvers.
        vectors: Word vectors, for another view; None: none.
    """
    every = chain(column(labelled, "text"), column(unlabelled, "text"))
    texts = [text[:_CHARACTERS_OF_ONE] for text in every]
    tokenizer = TextTokenizer.train(texts, _VOCABULARY, _MAX_LENGTH)
    encoded = tokenizer.encode(texts)
    words, bigrams = words_and_bigrams(encoded, tokenizer)
    count = len(labelled)
    weighted = tf_idf(words)
    rarer = without_frequent(words, _FREQUENT)
    both = horizontal([rarer, without_frequent(bigrams, _FREQUENT)])
    latent = _latent_vectors(weighted, count, seed)
    middle = latent[_DIMENSIONS.index(_OF_TOPICS)]
    views: list[View] = [LinearView(joined(weighted, tf_idf(bigrams), _BIGRAMS), seed)]
    views += [VectorView(each, _LATENT) for each in latent]
    for each, prior in ((rarer, _WORDS), (both, _WORDS_AND_BIGRAMS)):
        unlabelled_words = UnlabelledWords.of(each.row_range(count, len(texts)), middle[count:])
        views.append(NaiveBayesView(each, unlabelled_words, VectorView(middle), prior))
    if vectors is not None:
        views.append(_pretrained_view(encoded, tokenizer, vectors))
    return views


def _pretrained_view(
    encoded: TokenBatch, tokenizer: TextTokenizer, vectors: WordVectors
) -> VectorView:
    """Return the view of all texts by the sums of their words' vectors."""
    texts = PackedTexts(encoded.ids, encoded.offsets)
    fitted = fitted_to(texts, token_vectors(tokenizer, vectors))
    return VectorView(unit_rows(text_vectors(texts, fitted)), _PRETRAINED)


def _latent_vectors(features: CsrMatrix, labelled: int, seed: int) -> list[NDArray[np.float32]]:
    """Return latent vectors of all texts of unit length, a few sizes (Deerwester et al., 1990).

    Args:
        features: TF-IDF features, (texts, features).
        labelled: How many of the first texts the decomposition leaves out.
        seed: Seed of the decomposition.

    Returns:
        For each size float32, (texts, at most size).
    """
    sample = features.row_range(labelled, features.shape[0])
    rank = min(max(_DIMENSIONS), *(extent - 1 for extent in sample.shape))
    if rank < 1:
        return [np.zeros((features.shape[0], 1), np.float32)] * len(_DIMENSIONS)
    vectors = features @ randomized_svd(sample, rank, seed).vectors
    return [unit_rows(vectors[:, :size]) for size in _DIMENSIONS]
