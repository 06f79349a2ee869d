"""Byte pair encoding: learn the pieces that words are split into."""

from __future__ import annotations

import json
from typing import Final, TypeAlias

from tokenizers import Tokenizer, models, trainers

from wave_network import _native

Pieces: TypeAlias = tuple[list[str], list[tuple[str, str]]]

_COUNT: Final = 2  # a rarer pair is not merged


def learn_with_library(words: list[str], first: list[str], size: int) -> Pieces:
    """Learn pieces by merging the most frequent pair of neighbouring pieces, again and again.

    Args:
        words: The words; each counts once.
        first: The first pieces: one that occurs in no word, and every character of the words,
            sorted.
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
    learn = learn_with_library if compiled is None else compiled.learn_byte_pairs
    return learn(words, first, size)
