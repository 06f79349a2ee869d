"""How the tokenizers of `vocabulary.py` spell plain words, in numbers, as word tables learn it."""

from __future__ import annotations

import json
from array import array
from typing import NamedTuple

from tokenizers import Tokenizer

from wave_network.text.plain_words import WORD_START
from wave_network.text.vocabulary import is_ours
from wave_network.text.word_table import ID


class Spelling(NamedTuple):
    """What `learn` of a word table takes.

    Attributes:
        words: The ids of what may start a word, whole words among them.
        alphabet: The ids of the characters from " " to "~".
        merges: The ids of two pieces and of what they make, for all that merge.
    """

    words: dict[str, bytes]
    alphabet: bytes
    merges: bytes


def spelling_of(tokenizer: Tokenizer) -> Spelling | None:
    """Read a tokenizer's vocabulary and merges.

    Returns:
        None if `learn_vocabulary` did not make it, or someone altered how it spells.
    """
    if not is_ours(tokenizer):
        return None
    model = json.loads(tokenizer.to_str())["model"]
    vocabulary = model["vocab"]
    altered = model["dropout"] or model["continuing_subword_prefix"] or model["end_of_word_suffix"]
    # Of two pieces with one id, the file names one.
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
