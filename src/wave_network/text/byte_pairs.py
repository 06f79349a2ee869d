"""Byte pair encoding: finding the pieces that words are spelt from."""

from __future__ import annotations

import json
from typing import Final, TypeAlias

from tokenizers import Tokenizer, models, trainers

from wave_network import _native

Pieces: TypeAlias = tuple[list[str], list[tuple[str, str]]]

_COUNT: Final = 2  # a pair that occurs less often is not merged


def learn_with_library(words: list[str], first: list[str], size: int) -> Pieces:
    """Find pieces: those of the words' neighbours that stand side by side most often are joined.

    Args:
        words: Each counts once.
        first: The first pieces: one that no word holds, and every character of the words, sorted.
        size: Pieces wanted, the first ones included.

    Returns:
        The pieces in the order in which they were found, and what was joined, in that order.
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
    """As `learn_with_library`; by its quicker compiled form where the extension was built."""
    compiled = _native.compiled
    learn = learn_with_library if compiled is None else compiled.learn_byte_pairs
    return learn(words, first, size)
