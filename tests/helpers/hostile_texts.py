"""Texts that are hard to tokenise alike in two languages: from every plane, script and mark."""

import json
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from random import Random

LANGUAGES = Path(__file__).parents[1] / "text" / "languages.tsv"
MOST = 0x110000
BLANKS = "\t\n\v\f\r \x1c\x1d\x1e\x1f\x85\xa0\u1680\u180e\u2000\u200b\u2028\u2029\u202f\u205f\u3000"
JOINERS = "\u200c\u200d\u2060\ufeff\ufe0e\ufe0f\u202a\u202b\u202e\u2066\u2069\u00ad\u034f"
CASES = "ΣσςİıIiẞßſKÅǅΏᾼῼŉǰΐէﬁﬃԱևꭰᏸႠⴀꞋꟲⱭ\U00010400\U00010d50\U0001e900"
FOLDED = "ﬁ½㎏℡ｶﾞﾊﾟ㍿①Ⅻªº…‥㈱ﷺ𝐀𝟘ℌ㌔ਸ਼क़ำຳ이\u1103\u1161\u11a8가각"
MARKS = "\u0300\u0301\u0308\u0316\u0327\u0345\u0e31\u0e34\u3099\u309a\u0f71\u0f74\u17d2\u1037\u05b0"
EMOJI = ("👩\u200d👩\u200d👧", "🏳\ufe0f\u200d🌈", "🇩🇪🇫", "👍🏽", "1\ufe0f\u20e3", "🧑🏿\u200d🚀")
WORDS = (
    "Oil",
    "prices",
    "U.S.",
    "it's",
    "[CLS]",
    "<s>",
    "3.5%",
    "##ing",
    "Ġthe",
    "‸",
    "NASA",
    "cup",
)
SURROGATES = ("\ud800", "\udfff", "a\udc00b", "\ud83d\ude00", "\ude00\ud83d", "\ud83d ")
BLOCKS = (
    *((0x20, 0x7F), (0xA0, 0x180), (0x300, 0x370), (0x370, 0x600), (0x590, 0x700), (0x900, 0xE00)),
    *((0xE00, 0x1000), (0x1000, 0x1200), (0x1100, 0x1200), (0x1780, 0x1800), (0x1AB0, 0x1B00)),
    *((0x1DC0, 0x1E00), (0x1E00, 0x2000), (0x2000, 0x2100), (0x2E00, 0x3100), (0x3100, 0x3400)),
    *((0x4E00, 0x4F00), (0xA640, 0xA900), (0xAC00, 0xAD00), (0xD7B0, 0xD800), (0xF900, 0xFB50)),
    *((0xFB50, 0x10000), (0x10000, 0x10E00), (0x10D00, 0x11400), (0x11380, 0x11400)),
    *((0x11900, 0x11F60), (0x16100, 0x16140), (0x16D40, 0x16D80), (0x16E00, 0x17000)),
    *((0x1CC00, 0x1CF00), (0x1D100, 0x1D800), (0x1DF00, 0x1E100), (0x1E900, 0x1F700)),
    *((0x2F800, 0x2FA20), (0x30000, 0x30020), (0xE0000, 0xE01F0), (0xF0000, 0xF0010)),
)
"""Where characters of one kind are near each other, so that marks meet their letters."""


def hostile_texts(amount: int, seed: int = 0) -> list[str]:
    """So many texts, the same for the same seed; 100,000 hold every code point at least once.

    They are as JSON carries them: both halves of a surrogate pair are one character.
    """
    return [json.loads(json.dumps(text)) for text in islice(_texts(Random(seed)), amount)]


def _texts(random: Random) -> Iterator[str]:
    sentences = [line.split("\t", 1)[1] for line in LANGUAGES.read_text("utf-8").splitlines()[1:]]
    yield from ("", " ", "\n", "a" * 40_000, "\u0301" * 5_000, "é" * 700, " " * 70_000 + "late")
    yield from ("x! " * 30_000, "👩\u200d" * 9_000, "雨が降る" * 300, "กำ" * 900, "a\udc00" * 400)
    for number in count():
        kind = number % 4
        if kind == 0:  # every code point in turn, 60 a text
            start = number // 4 * 60 % MOST
            yield "".join(map(chr, range(start, min(start + 60, MOST))))
        elif kind == 1:
            yield _mixed(random, random.randrange(1, 30))
        elif kind == 2:
            yield _spoilt(random, random.choice(sentences))
        else:
            low, high = random.choice(BLOCKS)
            near = [chr(random.randrange(low, high)) for _ in range(random.randrange(1, 40))]
            yield "".join(c + random.choice(("", "", "", *MARKS[:4], " ")) for c in near)


def _mixed(random: Random, length: int) -> str:
    parts = (BLANKS, JOINERS, CASES, FOLDED, MARKS, EMOJI, WORDS, SURROGATES, (" ",), (" ",))
    found = [random.choice(random.choice(parts)) for _ in range(length)]
    return "".join(c if random.random() < 0.9 else c + chr(random.randrange(MOST)) for c in found)


def _spoilt(random: Random, text: str) -> str:
    """A sentence with other cases, marks within its words, and characters from anywhere."""
    result = []
    for character in text:
        roll = random.random()
        if roll < 0.1:
            character = character.upper()
        elif roll < 0.15:
            character += random.choice(MARKS + JOINERS + FOLDED)
        elif roll < 0.18:
            character = chr(random.randrange(MOST))
        elif roll < 0.2:
            character = ""
        result.append(character)
    return "".join(result)
