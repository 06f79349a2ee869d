"""A start for models of many classes: random codes of classes, and tokens at their classes' codes.

Of thousands of classes with a few texts each, steps from a random start do not find which words
belong together. Naive Bayes does by counting, but needs a number for each token and class. Random
directions are nearly orthogonal (Johnson and Lindenstrauss, 1984): each class gets one, a token
starts at the sum of its classes' directions by how strongly they share it, and the linear head
starts at the directions themselves. So a text's logits start near those of naive Bayes.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import nn

from wave_network.config import ClassifierConfig, LocalWaveConfig
from wave_network.data.batch import PackedTexts
from wave_network.models.local_wave.network import LocalWaveNetwork

MANY_CLASSES: Final = 200
"""From so many on models start so."""

_SEMANTIC: Final = 16  # columns that start at what tokens share, as with fewer classes
_ADDED: Final = 4.0  # to counts: less lets single occurrences speak too loudly
_SHARPNESS: Final = 10.0  # of the first logits, in those of naive Bayes with such counts
_COMMON: Final = 0.25  # occurrences a class from which on classes without the token count, too
_LEAST_TRUST: Final = 0.1  # in a token whose classes are as chance would spread them
_LEAST_RIGHT: Final = 0.9  # of texts that the codes have not seen; else steps learn more from afar
_WIDE: Final = 256  # columns, so that codes hardly meet
_ASKED: Final = 1_000  # such texts, a tenth of all at most
_ROWS_AT_ONCE: Final = 256


def hidden_size_for(classes: int, size: int) -> int:
    """Dimensions that many classes need so that their codes do not meet; else those given."""
    if classes < MANY_CLASSES:
        return size
    return max(size, 16 * round(math.sqrt(classes) / 8))


def code_columns(config: ClassifierConfig) -> int:
    """Columns of the token embeddings that start at codes: those beyond the usual width."""
    if not isinstance(config, LocalWaveConfig) or config.members > 1 or config.is_multi_label:
        return 0
    if config.num_labels < MANY_CLASSES:
        return 0
    return max(0, config.hidden_size - _SEMANTIC)


def codes_tell(texts: PackedTexts, config: ClassifierConfig, seed: int) -> bool:
    """Whether wide codes of most texts name the class of the others.

    Where words tell little by themselves, a start at codes overfits what steps would not.

    Args:
        texts: The training texts.
        config: With `code_columns`.
        seed: Seeds the codes and the choice of texts.
    """
    random = np.random.default_rng(seed)
    codes = _random_codes(config.num_labels, _WIDE, random)
    order = random.permutation(len(texts))
    asked = min(_ASKED, len(texts) // 10)
    unseen, seen = texts.select(order[:asked]), texts.select(order[asked:])
    vectors = _coded(_counted(seen, config), codes)
    sums = np.add.reduceat(vectors[unseen.ids], unseen.offsets[:-1]) @ codes.T
    return bool(np.mean(sums.argmax(axis=1) == unseen.hard_labels) >= _LEAST_RIGHT)


def start_at_codes(
    model: nn.Module, texts: PackedTexts, semantic: NDArray[np.float32], seed: int
) -> None:
    """Initialise the last `code_columns` of the tokens, and the linear head, with codes.

    Args:
        model: A `LocalWaveNetwork` of one member; its embedding and linear head are changed in
            place. Tokens that no text holds stay random.
        texts: The training texts.
        semantic: The start of the other columns, (vocabulary, at most those).
        seed: Seeds the codes.
    """
    assert isinstance(model, LocalWaveNetwork)
    config = model.config
    random = np.random.default_rng(seed)
    codes = _random_codes(config.num_labels, code_columns(config), random)
    vectors = _coded(_counted(texts, config), codes)
    first = config.hidden_size - codes.shape[1]
    start = np.zeros((config.vocab_size, config.hidden_size), np.float32)
    start[:, : semantic.shape[1]] = semantic / _usual(semantic)
    unit = _usual(vectors)
    start[:, first:] = vectors / unit
    scale = config.initializer_range / _usual(start)  # as `start_at` scales it
    model.start_at(torch.from_numpy(start))
    lengths = np.sqrt(np.diff(texts.offsets)).mean()  # features are divided by such roots
    with torch.no_grad():
        heads = torch.from_numpy(codes.T) * float(_SHARPNESS * lengths * unit / scale)
        model.shortcut.weight[0, first : config.hidden_size] = heads


def _random_codes(classes: int, size: int, random: np.random.Generator) -> NDArray[np.float32]:
    """Directions of about unit length, (classes, size)."""
    codes: NDArray[np.float32] = random.standard_normal((classes, size), np.float32)
    codes /= math.sqrt(size)
    return codes


def _counted(texts: PackedTexts, config: ClassifierConfig) -> csr_array:
    """As `token_class_counts`, without `[CLS]`, which every text has."""
    counts = token_class_counts(texts, config.vocab_size, config.num_labels)
    counts[[config.cls_token_id]] = 0
    counts.eliminate_zeros()
    return counts


def _usual(vectors: NDArray[np.float32]) -> float:
    """The root of the mean square of rows that are not 0; 1 if there are none."""
    known = vectors[vectors.any(axis=1)]
    return float(np.sqrt(np.square(known).mean())) if known.size else 1.0


def token_class_counts(texts: PackedTexts, vocab_size: int, classes: int) -> csr_array:
    """How often each token occurs in texts of each class, (vocabulary, classes)."""
    labels = texts.labels
    assert labels is not None
    if labels.ndim == 2:
        of_class = csr_array(labels)
    else:
        rows = np.arange(len(texts) + 1)
        of_class = csr_array((np.ones(len(texts)), labels, rows), shape=(len(texts), classes))
    ones = np.ones(len(texts.ids), np.float32)
    held = csr_array((ones, texts.ids, texts.offsets), shape=(len(texts), vocab_size))
    return csr_array(held.T @ of_class)


def _coded(counts: csr_array, codes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sums of codes by how much more often a class has a token than chance would, logarithmic."""
    of_tokens = counts.sum(axis=1)
    of_classes = counts.sum(axis=0) / max(counts.sum(), 1)
    told = counts.astype(np.float32)
    expected = np.repeat(of_tokens, np.diff(counts.indptr)) * of_classes[counts.indices]
    told.data = np.log((told.data + _ADDED) / (expected + _ADDED)).astype(np.float32)
    vectors = np.asarray(told @ codes, np.float32)
    common = np.flatnonzero(of_tokens > _COMMON * counts.shape[1])
    for begin in range(0, len(common), _ROWS_AT_ONCE):
        rows = common[begin : begin + _ROWS_AT_ONCE]
        by_chance = of_tokens[rows, None] * of_classes
        all_told = np.log((counts[rows].toarray() + _ADDED) / (by_chance + _ADDED))
        vectors[rows] = all_told.astype(np.float32) @ codes
    return vectors * _trust(counts, expected, of_tokens)[:, None].astype(np.float32)


def _trust(
    counts: csr_array, expected: NDArray[np.floating], of_tokens: NDArray[np.floating]
) -> NDArray[np.floating]:
    """What of each token's spread over the classes is more than chance, by chi-squared; (tokens,).

    Args:
        counts: (tokens, classes).
        expected: What each stored count would be by chance.
        of_tokens: How often each token occurs.
    """
    squares = csr_array((counts.data**2 / expected, counts.indices, counts.indptr), counts.shape)
    chi_squared = squares.sum(axis=1) - of_tokens
    by_chance = counts.shape[1] - 1
    trust: NDArray[np.floating] = 1 - by_chance / np.maximum(chi_squared, 1e-9)
    return trust.clip(min=_LEAST_TRUST)
