"""The vocabulary and merges of the tokenizers of `vocabulary.py`, for word tables."""

from __future__ import annotations

import json
from typing import Final

import numpy as np
from tokenizers import Tokenizer

from wave_network.text.plain_words import WORD_START
from wave_network.text.vocabulary import Spelling, form_of

_LETTERS: Final = frozenset((WORD_START, *map(chr, range(ord("!"), ord("~") + 1))))


def spelling_of(tokenizer: Tokenizer) -> Spelling | None:
    """Read a tokenizer's vocabulary and merges.

    Returns:
        The ids; None if `learn_vocabulary` did not make the tokenizer, or it was changed since, or
        it reads more of a text than plain words in lower case.
    """
    form = form_of(tokenizer)
    if form is None or not form.is_plain:
        return None
    size = tokenizer.get_vocab_size()
    # If two pieces share an id, others are missing. The library would write down each missing id.
    if None in map(tokenizer.id_to_token, range(size)):
        return None
    model = json.loads(tokenizer.model.__getstate__())
    vocabulary = model["vocab"]
    altered = model["dropout"] or model["continuing_subword_prefix"] or model["end_of_word_suffix"]
    has_added = len(vocabulary) < size
    if altered or has_added or not vocabulary.keys() >= _LETTERS:
        return None
    ids = vocabulary.__getitem__
    merges = [(ids(left), ids(right), ids(left + right)) for left, right in model["merges"]]
    return Spelling(vocabulary, np.array(merges, np.int32).reshape(-1, 3))
