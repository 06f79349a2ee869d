"""Convert text to token ids, with a tokenizer trained on the user's texts or a loaded one."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer, processors

from wave_network._native import threads
from wave_network.errors import ModelFolderError, OutputError
from wave_network.text.batches import (
    BoolArray,
    SentenceBatch,
    TokenBatch,
    joined,
    with_rows,
)
from wave_network.text.by_word import splits_at_spaces
from wave_network.text.forms import refusal_of_ids
from wave_network.text.loading import (
    TOKENIZER_FILE,
    failures_named,
    named,
    parse_tokenizer,
    read_tokenizer,
)
from wave_network.text.packed import AnyTexts, Chunk, chunks_of, lists_of, repaired
from wave_network.text.parallelism import survive_forks
from wave_network.text.plain_words import WORD_START
from wave_network.text.sentences import split_sentences
from wave_network.text.spans import Span, SpanFinder, original_positions
from wave_network.text.spelling import spelling_of
from wave_network.text.vocabulary import (
    CLS_TOKEN,
    Form,
    Spelling,
    Words,
    add_words,
    form_of,
    learn_vocabulary,
)
from wave_network.text.word_forms import in_order, word_forms
from wave_network.text.word_table import ID, LONGEST_WORD_KEPT, word_table

survive_forks()

CHARACTERS_PER_TOKEN: Final = 64
"""Only `CHARACTERS_PER_TOKEN * max_length` characters of a text are read, so that time and memory
are bounded for any input. Ordinary text has 2 to 6 characters per token."""

_SENTENCES_AT_ONCE: Final = 1_000  # texts whose encodings are in memory


class TextTokenizer:
    """Convert texts to packed token ids: for each text `[CLS]` and then its pieces.

    Create one with `train` or `load`. The same text gives the same ids alone and in any batch, and
    no text can contain a special token. Safe to share between threads.

    Args:
        tokenizer: The tokenizer to wrap; it is modified, not copied.
        max_length: The maximum number of tokens of one text, including `[CLS]`.
        learnt: What `learn_vocabulary` learnt; None: the vocabulary is read from the tokenizer.

    Raises:
        ModelFolderError: If it has no vocabulary that a model could have rows for.

    Attributes:
        max_length: As given.
        cls_token: The token that begins every text: `[CLS]` or `<s>`.
        cls_token_id: Its id.
        form: How a trained tokenizer finds words (see `train`); of any other, `Form()`.
        vocab_size: The rows that an embedding table needs: the highest id plus one.
    """

    def __init__(
        self, tokenizer: Tokenizer, max_length: int, learnt: Spelling | None = None
    ) -> None:
        self.max_length = int(max_length)  # JSON cannot store a NumPy integer
        tokenizer.no_padding()
        tokenizer.no_truncation()
        tokenizer.encode_special_tokens = True
        self.cls_token, self.cls_token_id = _find_cls(tokenizer)
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{self.cls_token} $A", special_tokens=[(self.cls_token, self.cls_token_id)]
        )
        spelling = learnt or spelling_of(tokenizer)
        self._vocabulary = tokenizer.get_vocab() if spelling is None else spelling.vocabulary
        ids = self._vocabulary.values()
        if reason := refusal_of_ids(ids):
            raise ModelFolderError(f"the tokenizer cannot be used: {reason}")
        self.vocab_size = max(ids) + 1
        form = form_of(tokenizer)
        self.form = form or Form()
        self._is_ours = form is not None and self.vocab_size == len(ids)
        self._tokenizer = tokenizer
        self._words = word_table() if splits_at_spaces(tokenizer, form) else None
        if self._words is not None and spelling is not None and self.form.is_plain:
            self._words.learn(*spelling)
        self._spans = SpanFinder(self._pieces, by_word=self._words is not None)

    @classmethod
    def train(
        cls,
        texts: AnyTexts,
        vocab_size: int,
        max_length: int,
        *,
        few_size: int | None = None,
        cased: bool = False,
        more_words: Words | None = None,
    ) -> TextTokenizer:
        """Learn a vocabulary of whole words and byte-level pieces, in one pass.

        How is told in `learn_vocabulary`. Every string of every language has pieces, so nothing is
        unknown. The same texts, in any order, give the same vocabulary. `tokenizer.json` stores how
        scripts are split as steps of normaliser and pre-tokenizer.

        Args:
            texts: The training texts.
            vocab_size: The number of entries. Few texts give fewer, but at least 257: the bytes
                and `[CLS]`.
            max_length: The maximum number of tokens of one text, including `[CLS]`.
            few_size: As for `learn_vocabulary`.
            cased: Whether to keep capital letters; else texts are read in lower case.
            more_words: As for `learn_vocabulary`.
        """
        learnt = learn_vocabulary(
            texts,
            vocab_size,
            characters=CHARACTERS_PER_TOKEN * max_length,
            few_size=few_size,
            cased=cased,
            more_words=more_words,
        )
        return cls(learnt.tokenizer, max_length, learnt.spelling)

    def grown(
        self, texts: AnyTexts, most: int, least: int = 2
    ) -> tuple[TextTokenizer, list[list[int]]]:
        """Create a tokenizer that also has entries for words that recur in new texts.

        Old entries keep their ids, and new ones follow. A tokenizer that `train` did not make
        keeps its vocabulary.

        Args:
            texts: The new texts.
            most: The maximum number of words to add.
            least: How often they occur in the new texts at least.

        Returns:
            The tokenizer, and for each new entry the ids of the pieces that it was split into.
        """
        tokenizer, pieces = add_words(self._tokenizer, texts, most, least, self._characters)
        return (TextTokenizer(tokenizer, self.max_length) if pieces else self), pieces

    @classmethod
    def load(cls, source: str | Path, max_length: int) -> TextTokenizer:
        """Load a tokenizer. If it has neither `[CLS]` nor `<s>`, a `[CLS]` is added.

        Args:
            source: A folder with a `tokenizer.json` or with BERT's `vocab.txt`, a
                `tokenizer.json` file, or a Hub id, `OWNER/NAME`.
            max_length: The maximum number of tokens of one text, including `[CLS]`. Padding and
                truncation set in the file are switched off.

        Raises:
            ModelFolderError: If there is none, or it cannot be read.
        """
        tokenizer = read_tokenizer(source)
        with named(source):
            return cls(tokenizer, max_length)

    @classmethod
    def parse(cls, content: bytes, path: Path, max_length: int) -> TextTokenizer:
        """As `load`, from what a `tokenizer.json` holds.

        Args:
            content: The file's bytes.
            path: Where they come from, for messages.
            max_length: As for `load`.

        Raises:
            ModelFolderError: As `load`.
        """
        tokenizer = parse_tokenizer(content, path)
        with named(path):
            return cls(tokenizer, max_length)

    def save(self, folder: str | Path) -> None:
        """Write `tokenizer.json` into an existing folder.

        Raises:
            OutputError: If it cannot be written.
        """
        path = Path(folder) / TOKENIZER_FILE
        try:
            path.write_text(self._tokenizer.to_str(), encoding="utf-8", newline="\n")
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror}") from error

    def standalone(self) -> Tokenizer:
        """Create a copy that gives the same ids without this class.

        The copy truncates, and pads with `cls_token`. Special tokens that are in the vocabulary
        are not listed as special, because programs that read the file would find their names in
        texts. Texts are not cut at `CHARACTERS_PER_TOKEN` characters for each token, so of a text
        with many blanks the copy may read more than this class.
        """
        content = json.loads(self._tokenizer.to_str())
        vocabulary = content["model"]["vocab"]
        known = vocabulary if isinstance(vocabulary, dict) else ()  # that of Unigram is a list
        added = content["added_tokens"]
        content["added_tokens"] = [token for token in added if token["content"] not in known]
        tokenizer = Tokenizer.from_str(json.dumps(content))
        tokenizer.enable_truncation(self.max_length)
        tokenizer.enable_padding(pad_id=self.cls_token_id, pad_token=self.cls_token)
        return tokenizer

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Return the text of each id, for people to read.

        Each id is decoded alone. With a trained tokenizer a leading space marks the start of a
        word, and a part of a character becomes U+FFFD.
        """
        texts = self._texts() if self._is_ours else []
        with failures_named():
            return [
                texts[index]
                if index < len(texts) and texts[index].isascii()
                else self._tokenizer.decode([index], skip_special_tokens=False)
                for index in map(int, ids)
            ]

    def _texts(self) -> list[str]:
        """The text of each entry of a trained tokenizer, right if it is ASCII."""
        # All at once is several times as fast; byte-level entries contain no line ends.
        return "\n".join(self._entries()).replace(WORD_START, " ").split("\n")

    def words(self) -> dict[str, int]:
        """Return the ids of tokens by what they stand for, as `word_forms` says."""
        return word_forms(self._tokenizer, self._entries())

    def continuations(self) -> BoolArray:
        """Return which tokens of a trained tokenizer continue a word, (vocab_size,)."""
        entries = self._entries()
        result = np.zeros(self.vocab_size, np.bool_)
        places = np.fromiter(entries.values(), np.int64, len(entries))
        result[places] = [not entry.startswith(WORD_START) for entry in entries]
        result[self.cls_token_id] = False
        return result

    def _entries(self) -> dict[str, int]:
        """The ids of the entries, in order; those of a trained tokenizer count from 0."""
        return in_order(self._vocabulary)

    def encode(self, texts: AnyTexts) -> TokenBatch:
        """Encode texts; an empty text becomes only `[CLS]`.

        Args:
            texts: Strings, or texts that are packed already.
        """
        return joined([self._encode_chunk(chunk) for chunk in chunks_of(texts, self._characters)])

    def encode_sentences(self, texts: Iterable[str]) -> SentenceBatch:
        """Encode texts like `encode`, with the offsets of their sentences."""
        rows: list[bytes] = []
        starts: list[BoolArray] = []
        for clipped in lists_of(texts, self._characters, _SENTENCES_AT_ONCE):
            valid = list(map(repaired, clipped))
            with failures_named():
                encodings = self._tokenizer.encode_batch(valid, add_special_tokens=False)
            rows.extend(map(self._to_bytes, encodings))
            starts.extend(map(self._sentence_starts, valid, encodings))
        is_start = np.concatenate([*starts, np.ones(1, np.bool_)])
        return SentenceBatch(*self._pack(rows), np.flatnonzero(is_start).astype(np.int64))

    def spans(self, text: str) -> list[Span]:
        """Locate the tokens of a text in it, in whole visible characters.

        Returns:
            Spans in order; their pieces number the tokens that `encode` returns after `[CLS]`.
        """
        return self._spans.find(text[: self._characters], self.max_length - 1)

    def by_token(
        self, text: str, *columns: NDArray[np.float32]
    ) -> Iterator[tuple[int, int, list[float]]]:
        """Sum values of the ids of a text by the tokens that `spans` locates.

        Args:
            text: The text.
            columns: Values of the ids that `encode` returns, `[CLS]` first.

        Yields:
            Where each token starts and ends, and the sum of its values in each column.
        """
        lists = [values.tolist() for values in columns]
        for start, end, first, last in self.spans(text):
            pieces = slice(first + 1, last + 1)  # after [CLS]
            yield start, end, [sum(values[pieces]) for values in lists]

    @property
    def identity(self) -> str:
        """All that decides the ids of a text, in one string."""
        return json.dumps([self.max_length, self._tokenizer.to_str()])

    @property
    def _characters(self) -> int:
        """How many characters of a text are read."""
        return CHARACTERS_PER_TOKEN * self.max_length

    def _pieces(self, text: str) -> list[tuple[int, int]]:
        """Return where each token of a text, except `[CLS]`, starts and ends in it."""
        whole = repaired(text)
        with failures_named():
            encoding = self._tokenizer.encode(whole, add_special_tokens=False)
        tokens = zip(encoding.ids, encoding.offsets, strict=True)
        pieces = [place for index, place in tokens if index != self.cls_token_id]
        positions = original_positions(text, whole)
        if positions is None:
            return pieces
        return [(positions[start], positions[end]) for start, end in pieces]

    def _pack(self, rows: list[bytes]) -> TokenBatch:
        """Concatenate the ids of the texts, with `[CLS]` before each text."""
        cls, room = ID.pack(self.cls_token_id), ID.size * (self.max_length - 1)
        packed = bytearray().join([cls + row[:room] for row in rows])
        lengths = [min(len(row), room) // ID.size + 1 for row in rows]
        offsets = np.zeros(len(rows) + 1, np.int64)
        offsets[1:] = np.cumsum(lengths)
        return TokenBatch(np.frombuffer(packed, np.int32), offsets)

    def _encode_chunk(self, chunk: Chunk) -> TokenBatch:
        if self._words is None:
            return self._pack(self._encode_each(chunk.strings(self._characters)))
        known: dict[str, bytes] = {}
        batch, unknown = self._look_up(chunk, known)
        while unknown:  # once, unless another thread empties the table in between
            words = list(unknown)
            found = dict(zip(words, self._encode_each(words), strict=True))
            self._words.add({w: ids for w, ids in found.items() if len(w) <= LONGEST_WORD_KEPT})
            known.update(found)
            places = np.flatnonzero(np.diff(batch.offsets) == 0)
            more, unknown = self._look_up(chunk.selected(places), known)
            batch = with_rows(batch, places, more)
        return batch

    def _look_up(self, chunk: Chunk, known: dict[str, bytes]) -> tuple[TokenBatch, set[str]]:
        """Encode texts as far as their words are known, and return the words that are not."""
        assert self._words is not None
        ids, offsets, unknown = self._words.encode(
            *chunk, self.cls_token_id, self.max_length, self._characters, threads.current(), known
        )
        batch = TokenBatch(np.frombuffer(ids, np.int32), np.frombuffer(offsets, np.int64))
        return batch, unknown

    def _encode_each(self, texts: list[str]) -> list[bytes]:
        with failures_named():
            encodings = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return list(map(self._to_bytes, encodings))

    def _to_bytes(self, encoding: Encoding) -> bytes:
        ids = encoding.ids
        if self.cls_token_id in ids:  # some vocabularies from elsewhere match its name in a text
            ids = [index for index in ids if index != self.cls_token_id]
        return array(ID.format, ids).tobytes()

    def _sentence_starts(self, text: str, encoding: Encoding) -> BoolArray:
        """Mark the tokens (including `[CLS]`) that are the first of their sentence."""
        tokens = zip(encoding.ids, encoding.offsets, strict=True)
        positions = [start for index, (start, _) in tokens if index != self.cls_token_id]
        positions = positions[: self.max_length - 1]
        ends = np.cumsum([len(sentence) for sentence in split_sentences(text)])
        sentence = np.maximum.accumulate(np.searchsorted(ends, positions, side="right"))
        starts = np.ones(len(positions) + 1, np.bool_)
        starts[1:] = np.diff(sentence, prepend=sentence[:1]) > 0
        return starts

    def __reduce__(self) -> tuple[Any, ...]:
        # Copying only the wrapped tokenizer would lose `encode_special_tokens`.
        return _rebuild, (self._tokenizer.to_str(), self.max_length)


def _rebuild(content: str, max_length: int) -> TextTokenizer:
    return TextTokenizer(Tokenizer.from_str(content), max_length)


def _find_cls(tokenizer: Tokenizer) -> tuple[str, int]:
    for token in (CLS_TOKEN, "<s>"):
        if (index := tokenizer.token_to_id(token)) is not None:
            return token, index
    tokenizer.add_special_tokens([CLS_TOKEN])
    return _find_cls(tokenizer)
