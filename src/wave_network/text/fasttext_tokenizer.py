"""The tokenizer of a fastText model: texts to packed rows of its table."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from wave_network.errors import ConfigError, ModelFolderError, first_line
from wave_network.text.batches import TokenBatch
from wave_network.text.fasttext_dictionary import (
    END,
    FastTextDictionary,
    line_reader,
    signed_hash,
)
from wave_network.text.packed import AnyTexts, Utf8Texts, repaired, strings_of
from wave_network.text.spans import original_positions

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_FILE: Final = "tokenizer.json"
_KIND: Final = "fasttext"
_BLANKS: Final = r" \n\r\t\x0b\f\x00"
_WORD: Final = re.compile(f"[^{_BLANKS}]+")
UNKNOWN: Final = "[no word]"
"""What stands for all words that a dictionary lacks: itself two words, and so none of them."""
_LARGEST: Final = 2**31 - 1
_MOST_IN_A_ROW: Final = 100
"""Characters of a subword, or words of an n-gram: real models have a few."""


class FastTextTokenizer:
    """Convert texts to packed rows of a fastText model's table.

    A text is one line, however many it has: its line feeds are read as blanks, and it ends with the
    word `</s>`. Nothing is cut. A text that has no row gets none.

    Args:
        dictionary: The model's dictionary.

    Attributes:
        dictionary: As given.
        reader: Reads the lines.
        max_length: There is no limit: the largest whole number that a model's file holds.
    """

    max_length: Final = _LARGEST

    def __init__(self, dictionary: FastTextDictionary) -> None:
        self.dictionary = dictionary
        self.reader = line_reader(dictionary)

    def encode(self, texts: AnyTexts) -> TokenBatch:
        """Encode texts: the rows of each, in fastText's order."""
        strings = strings_of(texts) if isinstance(texts, Utf8Texts) else texts
        lines = [repaired(text).replace("\n", " ").encode() + b"\n" for text in strings]
        read = self.reader.read(lines)
        return TokenBatch(read.ids, read.offsets)

    def by_token(
        self, text: str, *columns: NDArray[np.float32]
    ) -> Iterator[tuple[int, int, list[float]]]:
        """Sum values of the rows of a text by its words.

        A word gets the values of its own row and of its subwords. That of a word n-gram is split
        equally among its words. The end of the line, `</s>`, gets none of it and is no word of the
        text.

        Args:
            text: The text.
            columns: Values of the rows that `encode` returns.

        Yields:
            Where each word starts and ends, and the sum of its values in each column.
        """
        whole = repaired(text)
        found = list(_words(whole, self.dictionary))
        words = [word for _, _, word in found]
        alone = self.reader.read([*words, END])
        owners = np.repeat(np.arange(len(words) + 1), np.diff(alone.offsets))
        ends = [END] if self.dictionary.is_word(END) else []
        ngrams = self.dictionary.word_ngrams([*map(signed_hash, [*words, *ends])])
        bounds = np.fromiter(chain.from_iterable(ngram[:2] for ngram in ngrams), np.int64)
        firsts, lasts = bounds[::2], np.minimum(bounds[1::2], len(words))
        sums = []
        for values in columns:
            of_rows, of_ngrams = np.split(values, [len(owners)])
            total = np.bincount(owners, of_rows, len(words) + 1)
            for step in range(self.dictionary.ngram):
                is_within = firsts + step < lasts
                shares = of_ngrams[is_within] / (lasts - firsts)[is_within]
                np.add.at(total, firsts[is_within] + step, shares)
            sums.append(total.tolist())
        positions = original_positions(text, whole) or range(len(text) + 1)
        for (start, end, _), *of_word in zip(found, *sums, strict=False):
            yield positions[start], positions[end], of_word

    def standalone(self, unknown: int) -> Tokenizer:
        """Create a tokenizer of the library `tokenizers` that gives the same rows.

        It pads with the id of unknown words, which this class leaves out.

        Args:
            unknown: That id.

        Raises:
            ConfigError: If the model has subwords or word n-grams, which the library cannot hash,
                or its dictionary has no `</s>`.
        """
        from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

        dictionary = self.dictionary
        if dictionary.longest > 0 or dictionary.ngram > 1:
            raise ConfigError(
                "a fastText model with subwords or word n-grams cannot be exported to ONNX, which "
                "cannot hash them: export it to the web, or serve it"
            )
        end = dictionary.places.get(END)
        if end is None:
            raise ConfigError("a fastText model without </s> cannot be exported to ONNX")
        vocabulary = {UNKNOWN: unknown}
        for row, word in enumerate(dictionary.entries[: dictionary.words]):
            with suppress(UnicodeDecodeError):  # no text has such a word
                vocabulary[word.decode()] = row
        made = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
        rest = rf"(?<![^{_BLANKS}])</s>(?![^{_BLANKS}])[\s\S]*"
        made.normalizer = normalizers.Replace(Regex(rest), "")
        made.pre_tokenizer = pre_tokenizers.Split(Regex(f"[{_BLANKS}]+"), "removed")
        tokens = [(END.decode(), end)]
        made.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=tokens)
        made.enable_padding(pad_id=unknown, pad_token=UNKNOWN)
        return made

    def save(self, folder: Path) -> None:
        """Write `tokenizer.json`. Bytes that are not UTF-8 stand as half surrogate pairs."""
        dictionary = self.dictionary
        kept = dictionary.kept
        values = {
            "type": _KIND,
            "words": dictionary.words,
            "shortest": dictionary.shortest,
            "longest": dictionary.longest,
            "ngram": dictionary.ngram,
            "buckets": dictionary.buckets,
            "kept": None if kept is None else [kept[0].tolist(), kept[1].tolist()],
            "entries": [entry.decode("utf-8", "surrogateescape") for entry in dictionary.entries],
            "counts": dictionary.counts.tolist(),
        }
        (folder / _FILE).write_text(json.dumps(values) + "\n", encoding="ascii")

    @classmethod
    def parse(cls, content: bytes, path: Path) -> FastTextTokenizer:
        """Parse what `save` wrote.

        Raises:
            ModelFolderError: If it is anything else.
        """
        try:
            values = json.loads(content)
            if values.get("type") != _KIND:
                raise ValueError("it is not the tokenizer of a fastText model")
            dictionary = _dictionary(values)
            if reason := refusal(dictionary):
                raise ValueError(reason)
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise ModelFolderError(f"{path} is damaged: {first_line(error)}") from error
        except KeyError as error:
            raise ModelFolderError(f"{path} is damaged: it has no {error}") from error
        return cls(dictionary)


def _words(text: str, dictionary: FastTextDictionary) -> Iterator[tuple[int, int, bytes]]:
    """Yield where each word of a text starts and ends, and the word, up to `</s>`; no labels."""
    for match in _WORD.finditer(text):
        word = match[0].encode()
        if word == END:
            return
        if dictionary.is_word(word):
            yield match.start(), match.end(), word


def refusal(dictionary: FastTextDictionary) -> str | None:
    """Return why a dictionary from a file cannot be used, or None."""
    entries, numbers = len(dictionary.entries), (dictionary.shortest, dictionary.longest)
    if not 0 <= dictionary.words <= entries or len(dictionary.counts) != entries:
        return "its words and labels are not as many as it says"
    if max(*numbers, dictionary.ngram) > _MOST_IN_A_ROW:
        return f"it has n-grams longer than {_MOST_IN_A_ROW}"
    if not 0 <= dictionary.buckets <= _LARGEST - dictionary.words:
        return f"it cannot have {dictionary.buckets} buckets"
    if dictionary.buckets == 0 and (dictionary.longest > 0 or dictionary.ngram > 1):
        return "it has n-grams, but no buckets for them"
    if dictionary.kept is not None:
        buckets, rows = dictionary.kept
        if len(buckets) != len(rows) or min(buckets.min(initial=0), rows.min(initial=0)) < 0:
            return "the buckets that it kept are not valid"
        if rows.max(initial=0) > _LARGEST - dictionary.words:
            return "the buckets that it kept are not valid"
    return None


def _dictionary(values: dict[str, Any]) -> FastTextDictionary:
    numbers = {name: values[name] for name in ("words", "shortest", "longest", "ngram", "buckets")}
    if not all(isinstance(number, int) for number in numbers.values()):
        raise ValueError("its settings are not whole numbers")
    kept = values["kept"]
    if kept is not None:
        buckets, rows = kept
        kept = np.array(buckets, np.int32), np.array(rows, np.int32)
        if kept[0].ndim != 1 or kept[1].ndim != 1:
            raise ValueError("the buckets that it kept are not numbers")
    counts = np.array(values["counts"], np.int64)
    if counts.ndim != 1:
        raise ValueError("its counts are not numbers")
    entries = [entry.encode("utf-8", "surrogateescape") for entry in values["entries"]]
    return FastTextDictionary(entries, counts, **numbers, kept=kept)
