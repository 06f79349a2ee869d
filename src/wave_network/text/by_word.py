"""Whether a tokenizer may be used word by word, so that words are looked up."""

from __future__ import annotations

import json
from typing import Final

from tokenizers import Tokenizer
from tokenizers.normalizers import Normalizer
from tokenizers.pre_tokenizers import PreTokenizer

from wave_network.text.vocabulary import Form

_SPLITTERS: Final = frozenset(("BertPreTokenizer", "Whitespace", "WhitespaceSplit"))
_LOCAL_STEPS: Final = _SPLITTERS.union(
    ("ByteLevel", "Digits", "Punctuation"),
    ("BertNormalizer", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "StripAccents"),
)


def splits_at_spaces(tokenizer: Tokenizer, form: Form | None) -> bool:
    """Whether encoding a text equals encoding each of its words, split at spaces."""
    if any(not token.special for token in tokenizer.get_added_tokens_decoder().values()):
        return False
    if form is not None:
        return True
    before = _steps(tokenizer.pre_tokenizer, "pretokenizers")
    normalizing = _steps(tokenizer.normalizer, "normalizers")
    return not _SPLITTERS.isdisjoint(before) and _LOCAL_STEPS.issuperset([*before, *normalizing])


def _steps(component: Normalizer | PreTokenizer | None, key: str) -> list[str]:
    """Return the types of the steps of a normalizer or pre-tokenizer."""
    if component is None:
        return []
    state = json.loads(component.__getstate__())
    return [step["type"] for step in state.get(key, [state])]
