"""The vocabulary and merges of the tokenizers of `vocabulary.py` as ids, for word tables."""

from __future__ import annotations

import json
from array import array
from typing import NamedTuple

from tokenizers import Tokenizer

from wave_network.text.plain_words import WORD_START
from wave_network.text.vocabulary import form_of
from wave_network.text.word_table import ID


class Spelling(NamedTuple):
    """The arguments of a word table's `learn`.

    Attributes:
        words: The ids of whole words and of pieces that may start a word.
        alphabet: The ids of the characters from " " to "~".
        merges: For each merge, the ids of both pieces and of the result.
    """

    words: dict[str, bytes]
    alphabet: bytes
    merges: bytes


def spelling_of(tokenizer: Tokenizer) -> Spelling | None:
    """Read a tokenizer's vocabulary and merges.

    Returns:
        The ids; None if `learn_vocabulary` did not make the tokenizer, or it was changed since, or
        it reads more of a text than plain words in lower case.
    """
    form = form_of(tokenizer)
    if form is None or not form.is_plain:
        return None
    model = json.loads(tokenizer.to_str())["model"]
    vocabulary = model["vocab"]
    altered = model["dropout"] or model["continuing_subword_prefix"] or model["end_of_word_suffix"]
    # If two pieces share an id, the file contains only one of them.
    complete = len(vocabulary) == tokenizer.get_vocab_size(with_added_tokens=False)
    letters = [WORD_START, *map(chr, range(ord("!"), ord("~") + 1))]
    if altered or not complete or not vocabulary.keys() >= set(letters):
        return None
    words = {
        token[1:]: ID.pack(index)
        for token, index in vocabulary.items()
        if token.startswith(WORD_START)
    }
    merges = array(ID.format)
    for left, right in model["merges"]:
        merges.extend((vocabulary[left], vocabulary[right], vocabulary[left + right]))
    alphabet = array(ID.format, [vocabulary[letter] for letter in letters])
    return Spelling(words, alphabet.tobytes(), merges.tobytes())
