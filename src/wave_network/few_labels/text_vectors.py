"""Mean word vectors of texts, from the vectors of their tokens.

A text's vector is the sum of its tokens' vectors over the root of its length, as the linear part of
a model sums the weights of its tokens: a linear classifier on text vectors is a linear part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import repeat
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.data.batch import PackedTexts
from wave_network.few_labels.vectors import WordVectors
from wave_network.numerics.dense import unit_rows
from wave_network.numerics.sparse import CsrMatrix
from wave_network.text import TextTokenizer

_WORD: Final = re.compile(r"[^\W\d_]+")


def token_vectors(tokenizer: TextTokenizer, source: WordVectors) -> NDArray[np.float32]:
    """Look up the vector of each token; 0 for tokens that the source lacks.

    Args:
        tokenizer: The model's tokenizer.
        source: The word vectors. Unless they tell capital letters apart, tokens are looked up in
            lower case; a token in lower case also finds a word with capital letters.

    Returns:
        float32, (vocab_size, size).
    """
    words = tokenizer.words()
    spelt = words if source.cased else map(str.lower, words)
    places = np.fromiter(map(source.places.get, spelt, repeat(-1)), np.int64, len(words))
    tokens = np.fromiter(words.values(), np.int64, len(words))
    known = places >= 0
    result = np.zeros((tokenizer.vocab_size, source.vectors.shape[1]), np.float32)
    result[tokens[known]] = source.vectors[places[known]]
    return result


def fitted_to(texts: PackedTexts, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Centre the vectors of tokens on texts, and scale them; 0 stays 0.

    Without centring, the sum of a long text would mostly tell how long it is.

    Args:
        texts: The training texts.
        vectors: A vector for each token, (vocabulary, size).

    Returns:
        float32, (vocabulary, size), with which the mean square of the lengths of `text_vectors` is
        1, unless all are 0.
    """
    known = _known(vectors)
    counts = np.bincount(texts.ids, minlength=len(vectors)) * known
    # By `einsum`: a BLAS may add in another order with other threads.
    mean = np.einsum("v,vs->s", counts, vectors, dtype=np.float64) / max(counts.sum(), 1)
    centred: NDArray[np.float32] = vectors - mean.astype(np.float32)
    centred[~known] = 0
    square = np.square(text_vectors(texts, centred)).sum(axis=1, dtype=np.float64).mean()
    centred /= np.float32(np.sqrt(square) or 1)
    return centred


def known_share(texts: Iterable[str], source: WordVectors) -> float:
    """Return the share of the words of texts that have a vector, to tell the language by."""
    total = known = 0
    for text in texts:
        found = _WORD.findall(text if source.cased else text.lower())
        total += len(found)
        known += sum(map(source.places.__contains__, found))
    return known / max(total, 1)


def text_vectors(texts: PackedTexts, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum the vectors of each text's tokens, and divide by the root of its length.

    Args:
        texts: Packed texts; `[CLS]` counts in the length.
        vectors: A vector for each token, (vocabulary, size).

    Returns:
        float32, (texts, size).
    """
    return (
        _occurrences(texts, len(vectors)).scaled_rows(1 / np.sqrt(np.diff(texts.offsets))) @ vectors
    )


def directions(texts: PackedTexts, vectors: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Return a vector of unit length for each token, of the first `size` components.

    A token without a vector takes the mean vector of the texts that it occurs in; one that occurs
    in none has zeros.
    """
    vectors = vectors[:, :size]
    known = _known(vectors)
    occurring = _occurrences(texts, len(vectors)).transposed()
    around = occurring @ text_vectors(texts, vectors)  # (vocabulary, size)
    return unit_rows(np.where(known[:, None], vectors, around))


def _occurrences(texts: PackedTexts, vocabulary: int) -> CsrMatrix:
    """Return a 1 for each token of each text, (texts, vocabulary)."""
    return CsrMatrix.of_parts(np.ones(len(texts.ids)), texts.ids, texts.offsets, vocabulary)


def _known(vectors: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which rows are not 0, (rows,)."""
    known: NDArray[np.bool_] = np.any(vectors, axis=1)
    return known
