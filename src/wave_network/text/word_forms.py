"""What the entries of vocabularies stand for, whatever their tokenizer marks them with."""

from __future__ import annotations

import re
from typing import Final

from tokenizers import Tokenizer, decoders

from wave_network.text.plain_words import WORD_START

CONTINUES: Final = "##"
"""Begins a piece that continues a word."""

_METASPACE: Final = "\u2581"
_PART_OF_A_CHARACTER: Final = "\ufffd"
_OPENING: Final = ("[", "<", _PART_OF_A_CHARACTER)
_SPECIAL: Final = re.compile(r"\[[\w ]{2,}\]|<[\w|/ ]+>|\ufffd", re.ASCII)


def word_forms(tokenizer: Tokenizer) -> dict[str, int]:
    """Return the ids of a vocabulary's entries by the words that they stand for, in order of ids.

    A piece that continues a word begins with `##`, as in BERT's vocabulary; the marks of byte-level
    vocabularies and of SentencePiece are read, too. Special tokens and parts of characters are left
    out.
    """
    entries = sorted(tokenizer.get_vocab().items(), key=lambda entry: entry[1])
    marks = (WORD_START, _METASPACE)
    begun = {mark: sum(entry.startswith(mark) for entry, _ in entries) for mark in marks}
    mark = max(marks, key=begun.__getitem__)
    if 10 * begun[mark] < len(entries):  # as BERT's, or whole words
        return {entry: index for entry, index in entries if not _SPECIAL.fullmatch(entry)}
    decode = decoders.ByteLevel().decode if mark == WORD_START else "".join
    forms: dict[str, int] = {}
    for entry, index in entries:
        word = entry.removeprefix(mark)
        if not word.isascii():
            word = decode([word])
        if entry[:1] in _OPENING and _SPECIAL.fullmatch(entry):
            continue
        if word and _PART_OF_A_CHARACTER not in word:
            forms.setdefault(word if entry.startswith(mark) else CONTINUES + word, index)
    return forms
