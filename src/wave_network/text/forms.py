"""Which tokenizers are read: those whose steps take bounded time and memory and give one answer.

A `tokenizer.json` may come from anyone. Its steps are a small language, in which a few lines make
a text a million times as long, or the same text other ids each time.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any, Final

from tokenizers import Tokenizer, models

_NORMALIZERS: Final = frozenset(
    (
        *("BertNormalizer", "ByteLevel", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "Nmt"),
        *("Precompiled", "Prepend", "Replace", "Strip", "StripAccents"),
    )
)
_PRE_TOKENIZERS: Final = frozenset(
    (
        *("BertPreTokenizer", "ByteLevel", "CharDelimiterSplit", "Digits", "FixedLength"),
        *("Metaspace", "Punctuation", "Split", "UnicodeScripts", "Whitespace", "WhitespaceSplit"),
    )
)
_DECODERS: Final = frozenset(
    (
        *("BPEDecoder", "ByteFallback", "ByteLevel", "CTC", "Fuse", "Metaspace", "Replace"),
        *("Strip", "WordPiece"),
    )
)
_MODELS: Final = (models.BPE, models.Unigram, models.WordLevel, models.WordPiece)
_MOST_STEPS: Final = 64
_MOST_GROWTH: Final = 16
"""How many times as long the replacing steps may make a text together."""

_MOST_HOLES: Final = 4
"""The highest id may be so many times the number of tokens: a model needs a row for each id."""


def refusal(tokenizer: Tokenizer) -> str | None:
    """Why a tokenizer is not used; None if it is."""
    if not isinstance(tokenizer.model, _MODELS):
        return f"its model is a {type(tokenizer.model).__name__}, which is not known"
    if getattr(tokenizer.model, "dropout", None) or getattr(tokenizer.model, "alpha", None):
        return "it drops pieces at random (dropout), so that a text has no one answer"
    for component, key, known in (
        (tokenizer.normalizer, "normalizers", _NORMALIZERS),
        (tokenizer.pre_tokenizer, "pretokenizers", _PRE_TOKENIZERS),
        (tokenizer.decoder, "decoders", _DECODERS),
    ):
        if component is not None and (
            reason := _of_steps(list(_steps(json.loads(component.__getstate__()), key)), known)
        ):
            return reason
    return None


def refusal_of_ids(ids: Collection[int]) -> str | None:
    """Why a vocabulary of these ids is not used; None if it is."""
    if len(set(ids)) < len(ids):
        return "two of its tokens have one id"
    if max(ids, default=0) > _MOST_HOLES * len(ids) + 1_000:
        return f"it has {len(ids):,} tokens, but ids up to {max(ids):,}"
    return None


def _of_steps(steps: list[dict[str, Any]], known: frozenset[str]) -> str | None:
    if len(steps) > _MOST_STEPS:
        return f"it has {len(steps):,} steps: at most {_MOST_STEPS} are read"
    growth = 1.0
    for step in steps:
        if step.get("type") not in known:
            return f"it has a step {step.get('type')!r:.40}, which is not known"
        growth *= _growth(step)
    return "it makes texts many times as long" if growth > _MOST_GROWTH else None


def _steps(state: dict[str, Any], key: str) -> Iterator[dict[str, Any]]:
    """The steps of a component, those of sequences within it among them."""
    if state.get("type") != "Sequence":
        yield state
        return
    for inner in state.get(key, []):
        yield from _steps(inner, key)


def _growth(step: dict[str, Any]) -> float:
    """How many times as long a step may make a text."""
    content = step.get("content", step.get("prepend"))
    if not isinstance(content, str):
        return 1.0
    pattern = step.get("pattern")
    found = pattern.get("String", "") if isinstance(pattern, dict) else ""
    # A regular expression may match a single character, or the place between two.
    return max(1.0, len(content) / len(found) if found else len(content) + bool(pattern))
