"""Learn a vocabulary: whole words for frequent words, byte-level pieces for everything else.

A word that recurs gets its own entry. All other words are split into pieces, which byte pair
encoding learns from the rare words, each counted once. This takes a third of the time of byte pair
encoding on all texts, and classifies better.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from wave_network.text.byte_pairs import learn_pieces
from wave_network.text.plain_words import WORD_START, plain_parts
from wave_network.text.scripts import characters_within, split_step, split_word
from wave_network.text.word_counter import word_counter

Step: TypeAlias = normalizers.Normalizer | pre_tokenizers.PreTokenizer | decoders.Decoder

CLS_TOKEN: Final = "[CLS]"

_ALPHABET: Final = sorted(pre_tokenizers.ByteLevel.alphabet())
# How byte-level vocabularies write each byte: as itself if it is visible (as in GPT-2).
_VISIBLE: Final = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
_INVISIBLE: Final = [byte for byte in range(256) if byte not in _VISIBLE]
_LETTERS: Final = {byte: chr(byte) for byte in _VISIBLE} | {
    byte: chr(256 + place) for place, byte in enumerate(_INVISIBLE)
}
_BYTES: Final = {letter: byte for byte, letter in _LETTERS.items()}
_LEAST_SHARE: Final = 0.01  # of all characters, from which scripts without spaces are split
_PIECES: Final = 6  # one entry in this many is a piece
_WORD_COUNT: Final = 2  # a rarer word gets no entry
_STRINGS_AT_ONCE: Final = 500_000
_LONGEST_WORD: Final = 64  # in bytes; merging inside a very long "word" takes quadratic time


def learn_vocabulary(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """Learn a tokenizer of whole words and byte-level pieces, in one pass.

    Case and Unicode compatibility variants are folded. Accents stay, because many scripts write
    vowels with them. Every string has pieces, so nothing is unknown. The order of the texts does
    not matter. If at least 1 % of the characters belong to scripts without spaces between words, or
    are Hangul, these scripts are split into characters (see `scripts.py`).

    Args:
        texts: The training texts, without halves of surrogate pairs.
        vocab_size: The number of entries. Few texts give fewer, but at least 257: the bytes and
            `[CLS]`.
    """
    tokenizer = _wordless()
    counts = _count_words(texts, tokenizer)
    if _share_within(counts) >= _LEAST_SHARE:
        tokenizer, counts = _wordless(split=True), _split_words(counts)
    room = max(0, vocab_size - len(_ALPHABET) - 1)
    recurring = [word for word in _recurring(counts) if len(word) <= _LONGEST_WORD]
    words = recurring[: room - room // _PIECES]
    rare = list(_broken_up(sorted(counts.keys() - set(words))))
    # `[CLS]` is only in the vocabulary, so that no engine that reads the file finds it in a text.
    # No merge creates it: brackets are always separate pieces.
    size = max(0, vocab_size - len(words))
    pieces, merges = learn_pieces(rare, [CLS_TOKEN, *_ALPHABET], size)
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    _add_entries(vocabulary, recurring, vocab_size)
    tokenizer.model = models.BPE(vocabulary, merges, ignore_merges=True)
    return tokenizer


def add_words(
    tokenizer: Tokenizer, texts: Iterable[str], most: int
) -> tuple[Tokenizer, list[list[int]]]:
    """Add entries for words that recur in new texts and were split into pieces so far.

    Every old entry keeps its id.

    Args:
        tokenizer: A tokenizer that `learn_vocabulary` made; any other is returned unchanged.
        texts: The new texts, without halves of surrogate pairs.
        most: The maximum number of words to add, the most frequent ones first.

    Returns:
        The tokenizer, and for each added word, in the order of their ids, the ids of its pieces.
    """
    if not is_ours(tokenizer):
        return tokenizer, []
    added: list[str] = []
    pieces: list[list[int]] = []
    for word in _recurring(_count_words(texts, tokenizer)):
        if len(added) >= most:
            break
        if len(word) <= _LONGEST_WORD:
            ids = [token.id for token in tokenizer.model.tokenize(word)]
            if len(ids) > 1:
                added.append(word)
                pieces.append(ids)
    size = len(tokenizer.get_vocab()) + len(added)
    return _with_words(tokenizer, added, size), pieces


def _wordless(*, split: bool = False) -> Tokenizer:
    """Create a tokenizer without a vocabulary; `split`: scripts without spaces into characters."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    words = [pre_tokenizers.BertPreTokenizer(), *([split_step()] if split else [])]
    # The prefix space marks the start of a word.
    spelling = pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*words, spelling])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def is_ours(tokenizer: Tokenizer) -> bool:
    """Whether `learn_vocabulary` made it: has its steps, and looks up words before merging."""
    ours, model = _wordless(), tokenizer.model
    return (
        _same(tokenizer.normalizer, ours.normalizer)
        and (_same(tokenizer.pre_tokenizer, ours.pre_tokenizer) or splits_scripts(tokenizer))
        and _same(tokenizer.decoder, ours.decoder)
        and isinstance(model, models.BPE)
        and model.ignore_merges
    )


def splits_scripts(tokenizer: Tokenizer) -> bool:
    """Whether it splits scripts without spaces into characters, as `learn_vocabulary` does."""
    return _same(tokenizer.pre_tokenizer, _wordless(split=True).pre_tokenizer)


def _same(first: Step | None, second: Step) -> bool:
    return first is not None and first.__getstate__() == second.__getstate__()


def _count_words(texts: Iterable[str], tokenizer: Tokenizer) -> Counter[str]:
    """Count how often each word occurs, in the tokenizer's byte-level characters."""
    words: Counter[str] = Counter()
    counter = word_counter()
    # Strings between spaces recur. Each is normalised and split once, or again after so many
    # others that they would fill the memory.
    enclosed: Counter[str] = Counter()
    for text in texts:
        counter.add(text, enclosed)
        if len(enclosed) > _STRINGS_AT_ONCE:
            _add_words(words, enclosed, tokenizer)
            enclosed.clear()
    _add_words(words, enclosed, tokenizer)
    words.update(counter.counts())
    return words


def _add_words(words: Counter[str], enclosed: Counter[str], tokenizer: Tokenizer) -> None:
    for string, count in enclosed.items():
        parts = plain_parts(string)
        if parts is not None:
            for part in parts:
                words[WORD_START + part] += count
            continue
        normal = tokenizer.normalizer.normalize_str(string)
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal):
            words[word] += count


def _share_within(counts: Counter[str]) -> float:
    """The share of characters in scripts that may be split."""
    within = total = 0
    for word, count in counts.items():
        if word[1:].isascii():
            total += (len(word) - 1) * count
            continue
        text = _text_of(word)
        total += len(text) * count
        within += characters_within(text) * count
    return within / max(total, 1)


def _split_words(counts: Counter[str]) -> Counter[str]:
    """Count words as a tokenizer finds them that splits scripts."""
    result: Counter[str] = Counter()
    for word, count in counts.items():
        if word[1:].isascii():
            result[word] += count
            continue
        for part in split_word(_text_of(word)):
            result[WORD_START + "".join(map(_LETTERS.__getitem__, part.encode()))] += count
    return result


def _text_of(word: str) -> str:
    """Decode a word that is spelt in bytes."""
    return bytes(map(_BYTES.__getitem__, word.removeprefix(WORD_START))).decode()


def _recurring(counts: Counter[str]) -> list[str]:
    """Return the words that occur more than once, the most frequent first, then in order."""
    words = sorted(word for word, count in counts.items() if count >= _WORD_COUNT)
    return sorted(words, key=counts.__getitem__, reverse=True)


def _broken_up(words: Iterable[str]) -> Iterator[str]:
    for word in words:
        for start in range(0, len(word), _LONGEST_WORD):
            yield word[start : start + _LONGEST_WORD]


def _with_words(tokenizer: Tokenizer, words: list[str], vocab_size: int) -> Tokenizer:
    """Add whole words, which are looked up before any merging, while there is room."""
    content = json.loads(tokenizer.to_str())
    _add_entries(content["model"]["vocab"], words, vocab_size)
    return Tokenizer.from_str(json.dumps(content))


def _add_entries(vocabulary: dict[str, int], words: list[str], size: int) -> None:
    for word in words:
        if len(vocabulary) >= size:
            break
        vocabulary.setdefault(word, len(vocabulary))
