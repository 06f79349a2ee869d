"""What the entries of vocabularies stand for, whatever their tokenizer marks them with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Final

from tokenizers import Tokenizer, decoders, models

from wave_network.text.plain_words import WORD_START

CONTINUES: Final = "##"
"""Begins a piece that continues a word."""

_METASPACE: Final = "\u2581"
_PART_OF_A_CHARACTER: Final = "\ufffd"
_OPENING: Final = ("[", "<")
_SPECIAL: Final = re.compile(r"\[[\w ]{2,}\]|<[\w|/ ]+>", re.ASCII)


def word_forms(tokenizer: Tokenizer, entries: Mapping[str, int] | None = None) -> dict[str, int]:
    """Return the ids of a vocabulary's entries by the words that they stand for, in order of ids.

    A piece that continues a word begins with `##`, as in BERT's vocabulary; the marks of byte-level
    vocabularies and of SentencePiece are read, too. Special tokens and parts of characters are left
    out.

    Args:
        tokenizer: The tokenizer.
        entries: Its entries in order of their ids; None: they are asked for.
    """
    words = {
        entry: index
        for entry, index in (entries or in_order(tokenizer.get_vocab())).items()
        if entry[:1] not in _OPENING or not _SPECIAL.fullmatch(entry)
    }
    if _is_byte_level(tokenizer):
        mark = WORD_START
    elif (
        _has(words, _METASPACE)
        and not _has(words, CONTINUES)
        and not isinstance(tokenizer.model, models.WordLevel)
    ):
        mark = _METASPACE
    else:  # as BERT's, or whole words
        return words
    spelling = decoders.ByteLevel()
    forms: dict[str, int] = {}
    for entry, index in words.items():
        word = entry.removeprefix(mark)
        if mark == WORD_START and not word.isascii():
            word = spelling.decode([word])
        if word and (word.isascii() or _PART_OF_A_CHARACTER not in word):
            forms.setdefault(word if entry.startswith(mark) else CONTINUES + word, index)
    return forms


def in_order(vocabulary: Mapping[str, int]) -> dict[str, int]:
    """Sort a vocabulary by its ids."""
    ids = list(vocabulary.values())
    if ids == sorted(ids):  # mostly, and ten times as fast
        return dict(vocabulary)
    return dict(sorted(vocabulary.items(), key=itemgetter(1)))


def _has(entries: Iterable[str], mark: str) -> bool:
    return any(entry.startswith(mark) for entry in entries)


def _is_byte_level(tokenizer: Tokenizer) -> bool:
    steps = (tokenizer.pre_tokenizer, tokenizer.decoder)
    return any(step is not None and b'"ByteLevel"' in step.__getstate__() for step in steps)
