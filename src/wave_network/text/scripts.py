"""Scripts that write no spaces between words: where their texts are split instead.

Han characters and kana stand alone, and so do Hangul syllables, whose words carry their endings
with them. Thai, Lao and Khmer split into visible characters: a letter with its marks. Letters and
marks of Myanmar stand alone, as its marks end syllables too. Tibetan marks the end of each
syllable, so syllables stay whole.

The ranges are written out, because engines differ in the Unicode version that they know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from tokenizers import Regex, pre_tokenizers

_HAN: Final = (
    "\u3005-\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_HIRAGANA: Final = "\u3041-\u309f"
_KATAKANA: Final = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
_BOPOMOFO: Final = "\u3105-\u312f"
_HANGUL: Final = "\uac00-\ud7a3"
_THAI_LAO: Final = "\u0e01-\u0e3a\u0e40-\u0e4e\u0e50-\u0e59\u0e81-\u0eff"
_MYANMAR: Final = "\u1000-\u1049\u1050-\u109f\uaa60-\uaa7f"
_KHMER: Final = "\u1780-\u17d3\u17dc\u17dd\u17e0-\u17e9"
_TIBETAN: Final = "\u0f00\u0f20-\u0f33\u0f40-\u0f84\u0f86-\u0fbc"
_ALONE: Final = _HAN + _HIRAGANA + _KATAKANA + _BOPOMOFO + _HANGUL + _THAI_LAO + _MYANMAR + _KHMER
_MARKS: Final = (
    "\u3099\u309a\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece"
    "\u17b4-\u17d3\u17dd\ufe00-\ufe0f\U000e0100-\U000e01ef"
)
# Khmer stacks a letter below another; Thai's and Lao's AM is a mark and a vowel to NFKC.
_STACKED: Final = "\u17d2[\u1780-\u17b3]|\u0e4d\u0e32|\u0ecd\u0eb2"
_CHARACTER: Final = f"[{_ALONE}](?:{_STACKED}|[{_MARKS}])*|[{_TIBETAN}]+"

# Compiled when they are first needed, as that takes longer than importing the rest.
_WITHIN: Final = f"[{_ALONE}{_TIBETAN}]"
_PART: Final = f"{_CHARACTER}|[^{_ALONE}{_TIBETAN}]+"


def split_step() -> pre_tokenizers.PreTokenizer:
    """A step of a pre-tokenizer that splits such texts, and leaves all others as they are."""
    return pre_tokenizers.Split(Regex(_CHARACTER), "isolated")


def split_word(word: str) -> list[str]:
    """What `split_step` makes of a string without spaces."""
    return re.findall(_PART, word)


def characters_within(text: str) -> int:
    """How many characters of a text belong to such scripts, marks included."""
    return 0 if text.isascii() else len(re.findall(_WITHIN, text))


def share_of(texts: Iterable[str]) -> float:
    """What share of the characters of texts, without spaces, belongs to such scripts."""
    within = total = 0
    for text in texts:
        total += len("".join(text.split()))
        within += characters_within(text)
    return within / max(total, 1)
