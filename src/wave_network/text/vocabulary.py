"""Learn a vocabulary: whole words for frequent words, byte-level pieces for everything else.

A word that recurs gets its own entry. All other words are split into pieces, which byte pair
encoding learns from the rare words, each counted once. This takes a third of the time of byte pair
encoding on all texts, and classifies better.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice, product
from operator import mul
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from wave_network._native import threads
from wave_network.text.byte_pairs import learn_pieces
from wave_network.text.packed import AnyTexts, chunks_of
from wave_network.text.plain_words import WORD_START, is_plain_word, plain_parts
from wave_network.text.scripts import characters_within, split_step, split_word
from wave_network.text.word_counter import PythonWordCounter, word_counter

Step: TypeAlias = normalizers.Normalizer | pre_tokenizers.PreTokenizer | decoders.Decoder

CLS_TOKEN: Final = "[CLS]"

SPACE_MARK: Final = "\u2038"
"""The token for the space before a word in texts of characters. As punctuation it stands alone."""

_ALPHABET: Final = sorted(pre_tokenizers.ByteLevel.alphabet())
# How byte-level vocabularies write each byte: as itself if it is visible (as in GPT-2).
_VISIBLE: Final = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
_INVISIBLE: Final = [byte for byte in range(256) if byte not in _VISIBLE]
_LETTERS: Final = {byte: chr(byte) for byte in _VISIBLE} | {
    byte: chr(256 + place) for place, byte in enumerate(_INVISIBLE)
}
BYTES: Final = {letter: byte for byte, letter in _LETTERS.items()}
"""The byte that each letter of a byte-level vocabulary stands for."""

_LEAST_SHARE: Final = 0.01  # of all characters, from which scripts without spaces are split
_MOSTLY: Final = 0.5  # of all characters, from which spaces may be read too
_SPACES: Final = 0.01  # for each character; where there are fewer, they tell nothing
_PIECES: Final = 6  # one entry in this many is a piece
_WORD_COUNT: Final = 2  # a rarer word gets no entry
_PAIR_COUNT: Final = 2  # a rarer pair of pieces is not merged
_STRINGS_AT_ONCE: Final = 500_000
_LONGEST_WORD: Final = 64  # in bytes; merging inside a very long "word" takes quadratic time


class Form(NamedTuple):
    """How a tokenizer of `learn_vocabulary` finds the words of a text.

    Attributes:
        split: Split scripts without spaces into characters (see `scripts.py`).
        spaces: Put `SPACE_MARK` before every word.
        cased: Keep capital letters.
    """

    split: bool = False
    spaces: bool = False
    cased: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether `plain_parts` splits strings of printable ASCII as the tokenizer does."""
        return not (self.spaces or self.cased)


class Spelling(NamedTuple):
    """A byte-level vocabulary of whole words and pieces, as word tables learn it.

    Attributes:
        vocabulary: The ids of the entries, in order.
        merges: For each merge, the ids of both pieces and of the result, (merges, 3).
    """

    vocabulary: dict[str, int]
    merges: NDArray[np.int32]


class Learnt(NamedTuple):
    """What `learn_vocabulary` returns.

    Attributes:
        tokenizer: The tokenizer.
        spelling: Its vocabulary and merges.
    """

    tokenizer: Tokenizer
    spelling: Spelling


class Words(NamedTuple):
    """Words that a vocabulary has beside those of the texts.

    Attributes:
        words: The most frequent first. Those that the tokenizer would split are left out.
        most: How many entries the vocabulary has with them at most; fewer if the texts need them.
    """

    words: tuple[str, ...]
    most: int


def learn_vocabulary(
    texts: AnyTexts,
    vocab_size: int,
    *,
    characters: int = sys.maxsize,
    few_size: int | None = None,
    cased: bool = False,
    more_words: Words | None = None,
) -> Learnt:
    """Learn a tokenizer of whole words and byte-level pieces, in one pass.

    Unicode compatibility variants are folded. Accents stay, because many scripts write vowels with
    them. Every string has pieces, so nothing is unknown. The order of the texts does not matter. If
    at least 1 % of the characters belong to scripts without spaces between words, or are Hangul,
    these scripts are split into characters (see `scripts.py`); from 50 % on, spaces become tokens
    if there is one for every 100 characters.

    Args:
        texts: The training texts.
        vocab_size: The number of entries. Few texts give fewer, but at least 257: the bytes and
            `[CLS]`.
        characters: How many characters of a text are read.
        few_size: The number of entries if all words of the texts have one of so many; None: as
            `vocab_size`.
        cased: Whether to keep capital letters; else texts are read in lower case.
        more_words: Words to add after those of the texts; None: none.
    """
    form = Form(cased=cased)
    tokenizer = wordless(form)
    counts, blanks = _count_words(texts, characters, tokenizer, form)
    within, total = _characters(counts)
    if within >= _LEAST_SHARE * max(total, 1):
        spaces = within >= _MOSTLY * total and blanks >= _SPACES * total
        form = form._replace(split=True, spaces=spaces)
        tokenizer, counts = wordless(form), _split_words(counts)
        if form.spaces:  # more frequent than any word
            counts[WORD_START + _spelt(SPACE_MARK)] = sum(counts.values())
    few_size = vocab_size if few_size is None else few_size
    if len(counts) <= _most_words(few_size):  # few texts: known words are pieces of unknown ones
        recurring = words = [word for word in _recurring(counts, 1) if len(word) <= _LONGEST_WORD]
        vocab_size = few_size
        rare, least = sorted(counts), 1
    else:
        recurring = [word for word in _recurring(counts) if len(word) <= _LONGEST_WORD]
        words = recurring[: _most_words(vocab_size)]
        rare, least = sorted(counts.keys() - set(words)), _PAIR_COUNT
    # `[CLS]` is only in the vocabulary, so that no engine that reads the file finds it in a text.
    # No merge creates it: brackets are always separate pieces.
    size = max(0, vocab_size - len(words))
    pieces, merges = learn_pieces(_broken_up(rare), [CLS_TOKEN, *_ALPHABET], size, least)
    entries = _extended(dict.fromkeys(pieces), recurring, vocab_size)
    if more_words is not None:
        whole = _whole_words(more_words.words, tokenizer, form)
        entries = _extended(entries, whole, more_words.most)
    vocabulary = {entry: index for index, entry in enumerate(entries)}
    left, right, _ = (map(pieces.__getitem__, column) for column in merges.T.tolist())
    pairs = list(zip(left, right, strict=True))
    tokenizer.model = models.BPE(vocabulary, pairs, ignore_merges=True)
    return Learnt(tokenizer, Spelling(vocabulary, merges))


def add_words(
    tokenizer: Tokenizer,
    texts: AnyTexts,
    most: int,
    least: int = _WORD_COUNT,
    characters: int = sys.maxsize,
) -> tuple[Tokenizer, list[list[int]]]:
    """Add entries for words that recur in new texts and were split into pieces so far.

    Every old entry keeps its id.

    Args:
        tokenizer: A tokenizer that `learn_vocabulary` made; any other is returned unchanged.
        texts: The new texts.
        most: The maximum number of words to add, the most frequent ones first.
        least: How often they occur in the new texts at least.
        characters: How many characters of a text are read.

    Returns:
        The tokenizer, and for each added word, in the order of their ids, the ids of its pieces.
    """
    form = form_of(tokenizer)
    if form is None:
        return tokenizer, []
    added: list[str] = []
    pieces: list[list[int]] = []
    counts, _ = _count_words(texts, characters, tokenizer, form)
    for word in _recurring(counts, least):
        if len(added) >= most:
            break
        if len(word) <= _LONGEST_WORD:
            ids = [token.id for token in tokenizer.model.tokenize(word)]
            if len(ids) > 1:
                added.append(word)
                pieces.append(ids)
    return _with_words(tokenizer, added), pieces


def _most_words(vocab_size: int) -> int:
    """Return how many entries are whole words at most."""
    room = max(0, vocab_size - len(_ALPHABET) - 1)
    return room - room // _PIECES


def wordless(form: Form) -> Tokenizer:
    """Create a tokenizer of a form without a vocabulary."""
    tokenizer = Tokenizer(models.BPE())
    normalizing = [normalizers.NFKC(), *([] if form.cased else [normalizers.Lowercase()])]
    words = [pre_tokenizers.BertPreTokenizer(), *([split_step()] if form.split else [])]
    if form.spaces:
        # Of several spaces only one counts, and none at the ends: then a text has the tokens of its
        # words, which are split at spaces and looked up.
        normalizing += [normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
        marking = pre_tokenizers.Metaspace(SPACE_MARK, prepend_scheme="always", split=False)
        words.insert(0, marking)
    tokenizer.normalizer = normalizers.Sequence(normalizing)
    # The prefix space marks the start of a word.
    spelling = pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*words, spelling])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def form_of(tokenizer: Tokenizer) -> Form | None:
    """Return the form of a tokenizer that `learn_vocabulary` made; None for all others.

    Ours have our steps, and look up words before merging.
    """
    model = tokenizer.model
    if not isinstance(model, models.BPE) or not model.ignore_merges:
        return None
    for form in map(Form._make, product((False, True), repeat=3)):
        ours = wordless(form)
        if (
            _same(tokenizer.normalizer, ours.normalizer)
            and _same(tokenizer.pre_tokenizer, ours.pre_tokenizer)
            and _same(tokenizer.decoder, ours.decoder)
        ):
            return form
    return None


def _same(first: Step | None, second: Step) -> bool:
    return first is not None and first.__getstate__() == second.__getstate__()


def _count_words(
    texts: AnyTexts, characters: int, tokenizer: Tokenizer, form: Form
) -> tuple[dict[str, int], int]:
    """Count how often each word occurs, in the tokenizer's byte-level characters.

    Returns:
        The counts, and the number of spaces in texts that are not ASCII.
    """
    counter = word_counter() if form.is_plain else PythonWordCounter()
    words: Counter[str] = Counter()
    for chunk in chunks_of(texts, characters):
        waiting = counter.add(*chunk, characters, threads.current())
        # Strings between spaces recur. Each is normalised and split once, or again after so many
        # others that they would fill the memory.
        if waiting > _STRINGS_AT_ONCE:
            _add_words(words, counter.take_others(), tokenizer, form)
    _add_words(words, counter.take_others(), tokenizer, form)
    counts = counter.counts()
    for word, count in words.items():
        counts[word] = counts.get(word, 0) + count
    return counts, counter.spaces()


def _add_words(
    words: Counter[str], enclosed: Mapping[str, int], tokenizer: Tokenizer, form: Form
) -> None:
    for string, count in enclosed.items():
        for word in words_in(string, tokenizer, form):
            words[word] += count


def words_in(string: str, tokenizer: Tokenizer, form: Form) -> list[str]:
    """Split a string without spaces into words, in the tokenizer's byte-level characters."""
    parts = plain_parts(string) if form.is_plain else None
    if parts is not None:
        return [WORD_START + part for part in parts]
    normal = tokenizer.normalizer.normalize_str(string)
    return [word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal)]


def _characters(counts: Mapping[str, int]) -> tuple[int, int]:
    """Return the number of characters in scripts that may be split, and of all."""
    within = 0
    total = sum(map(mul, map(len, counts), counts.values())) - sum(counts.values())  # of ASCII
    for word, count in counts.items():
        if not word[1:].isascii():
            text = text_of(word)
            total += (len(text) - len(word) + 1) * count
            within += characters_within(text) * count
    return within, total


def _split_words(counts: Mapping[str, int]) -> Counter[str]:
    """Count words as a tokenizer finds them that splits scripts."""
    result: Counter[str] = Counter()
    for word, count in counts.items():
        if word[1:].isascii():
            result[word] += count
            continue
        for part in split_word(text_of(word)):
            result[WORD_START + _spelt(part)] += count
    return result


def _spelt(part: str) -> str:
    """Spell a word in bytes."""
    return "".join(map(_LETTERS.__getitem__, part.encode()))


def text_of(word: str) -> str:
    """Decode a word that is spelt in byte-level characters."""
    return bytes(map(BYTES.__getitem__, word.removeprefix(WORD_START))).decode()


def _recurring(counts: Mapping[str, int], least: int = _WORD_COUNT) -> list[str]:
    """Return the words that occur at least so often, the most frequent first, then in order."""
    words = sorted(word for word, count in counts.items() if count >= least)
    return sorted(words, key=counts.__getitem__, reverse=True)


def _whole_words(words: Iterable[str], tokenizer: Tokenizer, form: Form) -> Iterator[str]:
    """Yield the words that a tokenizer finds as one, in its byte-level characters."""
    for word in words:
        if form.is_plain and is_plain_word(word):
            if len(word) < _LONGEST_WORD:
                yield WORD_START + word
            continue
        found = words_in(word, tokenizer, form)
        if len(found) == 1 and len(found[0]) <= _LONGEST_WORD:
            yield found[0]


def _broken_up(words: list[str]) -> list[str]:
    if max(map(len, words), default=0) <= _LONGEST_WORD:
        return words
    return [
        word[start : start + _LONGEST_WORD]
        for word in words
        for start in range(0, len(word), _LONGEST_WORD)
    ]


def _with_words(tokenizer: Tokenizer, words: list[str]) -> Tokenizer:
    """Add whole words, which are looked up before any merging."""
    content = json.loads(tokenizer.to_str())
    vocabulary = content["model"]["vocab"]
    for word in words:
        vocabulary.setdefault(word, len(vocabulary))
    return Tokenizer.from_str(json.dumps(content))


def _extended(entries: dict[str, None], words: Iterable[str], size: int) -> dict[str, None]:
    """Add entries while there are fewer than `size`."""
    extended = entries | dict.fromkeys(words)
    if len(extended) <= size:
        return extended
    return dict.fromkeys(islice(extended, max(size, len(entries))))
