"""Byte pair encoding: learn the pieces that words are split into."""

from __future__ import annotations

import json
from typing import Final, TypeAlias

import numpy as np
from tokenizers import Tokenizer, models, trainers

from wave_network import _native

Pieces: TypeAlias = tuple[list[str], list[tuple[str, str]]]

_COUNT: Final = 2  # a rarer pair is not merged
_LETTERS: Final = 256


def learn_with_library(words: list[str], first: list[str], size: int) -> Pieces:
    """Learn pieces by merging the most frequent pair of neighbouring pieces, again and again.

    Args:
        words: The words; each counts once.
        first: The first pieces: one that occurs in no word, and the 256 letters that words consist
            of, sorted.
        size: The number of pieces to learn, including the first ones.

    Returns:
        The pieces in the order in which they were learnt, and the merges in that order.
    """
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=_COUNT,
        special_tokens=first[:1],
        initial_alphabet=first[1:],
        show_progress=False,
    )
    spelling = Tokenizer(models.BPE())
    spelling.train_from_iterator(words, trainer)
    model = json.loads(spelling.to_str())["model"]
    return list(model["vocab"]), list(map(tuple, model["merges"]))


def learn_pieces(words: list[str], first: list[str], size: int) -> Pieces:
    """Like `learn_with_library`, by the faster compiled version if it is available."""
    compiled = _native.compiled
    if compiled is None:
        return learn_with_library(words, first, size)
    letters = np.full(max(map(ord, first[1:])) + 1, -1, np.int64)
    letters[list(map(ord, first[1:]))] = np.arange(_LETTERS)
    characters = np.frombuffer("".join(words).encode("utf-32-le"), np.uint32)
    offsets = np.zeros(len(words) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, words), np.int64, len(words)), out=offsets[1:])
    learnt = compiled.learn_byte_pairs(letters[characters].astype(np.uint8), offsets, size)
    pieces, merges = list(first), []
    for left, right, piece in np.frombuffer(learnt, np.int32).reshape(-1, 3).tolist():
        merges.append((pieces[left], pieces[right]))
        if piece == len(pieces):
            pieces.append(pieces[left] + pieces[right])
    return pieces, merges
