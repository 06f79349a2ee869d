"""Byte pair encoding: learn the pieces that words are split into."""

from __future__ import annotations

import json
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, trainers

from wave_network import _native

_LETTERS: Final = 256


class Pieces(NamedTuple):
    """What byte pair encoding learns.

    Attributes:
        pieces: The pieces in the order in which they were learnt.
        merges: For each merge, in order, the places of both pieces and of the result, (merges, 3).
    """

    pieces: list[str]
    merges: NDArray[np.int32]


def learn_with_library(words: list[str], first: list[str], size: int, least: int) -> Pieces:
    """Learn pieces by merging the most frequent pair of neighbouring pieces, again and again.

    Args:
        words: The words; each counts once.
        first: The first pieces: one that occurs in no word, and the 256 letters that words consist
            of, sorted.
        size: The number of pieces to learn, including the first ones.
        least: How often a pair occurs that is merged, at least.
    """
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=least,
        special_tokens=first[:1],
        initial_alphabet=first[1:],
        show_progress=False,
    )
    spelling = Tokenizer(models.BPE())
    spelling.train_from_iterator(words, trainer)
    model = json.loads(spelling.model.__getstate__())
    place = model["vocab"].__getitem__
    merges = [(place(left), place(right), place(left + right)) for left, right in model["merges"]]
    return Pieces(list(model["vocab"]), np.array(merges, np.int32).reshape(-1, 3))


def learn_pieces(words: list[str], first: list[str], size: int, least: int) -> Pieces:
    """Like `learn_with_library`, by the faster compiled version if it is available."""
    compiled = _native.compiled
    if compiled is None:
        return learn_with_library(words, first, size, least)
    letters = np.zeros(max(map(ord, first[1:])) + 1, np.uint8)
    letters[list(map(ord, first[1:]))] = np.arange(_LETTERS)
    characters = np.frombuffer("".join(words).encode("utf-32-le"), "<u4")
    offsets = np.zeros(len(words) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, words), np.int64, len(words)), out=offsets[1:])
    learnt = compiled.learn_byte_pairs(letters[characters], offsets, size, least)
    merges = np.frombuffer(learnt, np.int32).reshape(-1, 3)
    pieces = list(first)
    for left, right, piece in zip(*merges.T.tolist(), strict=True):
        if piece == len(pieces):  # else another merge gave it already
            pieces.append(pieces[left] + pieces[right])
    return Pieces(pieces, merges)
