"""A lossless tokenizer: byte pair encoding over the bytes of a text, for the language model.

`decode(encode(text))` is the text, byte for byte. So a model's bits a byte are about the exact
bytes of a text, whatever its vocabulary.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from wave_network.errors import ModelFolderError
from wave_network.text.loading import parse_tokenizer
from wave_network.text.packed import repaired
from wave_network.text.parallelism import survive_forks
from wave_network.text.vocabulary import BYTES

survive_forks()

Ids = NDArray[np.uint16]

MOST_PIECES: Final = 2**16 - 1
"""Ids are stored in 16 bits, and one of them marks where a document starts."""

_BREAK: Final = re.compile(r"(\S{64})")  # merging inside a very long word takes quadratic time


class ByteLevelTokenizer:
    """Convert texts to the ids of pieces of bytes, and back.

    Args:
        tokenizer: A byte-level byte pair encoding without normalisation.

    Raises:
        ModelFolderError: If it is another kind of tokenizer, which could lose bytes.

    Attributes:
        pieces: The bytes of each id, (pieces,).
        lengths: How many bytes each has, int64; 0 for `start`.
        start: The id that marks the start of a document: the number of pieces. No text has it.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self.pieces = _pieces_of(tokenizer)
        self.start = len(self.pieces)
        self.lengths = np.array([*map(len, self.pieces), 0], np.int64)

    @classmethod
    def learn(cls, texts: Iterable[str], size: int) -> ByteLevelTokenizer:
        """Learn the pieces from texts.

        Args:
            texts: The texts.
            size: The number of pieces, at least the 256 bytes; fewer if the texts have no more.
        """
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=size,
            min_frequency=2,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(
            (_BREAK.sub(r"\1 ", repaired(text)) for text in texts), trainer
        )
        return cls(tokenizer)

    @classmethod
    def parse(cls, content: bytes, path: Path) -> ByteLevelTokenizer:
        """Read one from what a `tokenizer.json` holds.

        Args:
            content: The file's bytes.
            path: Where they come from, for messages.

        Raises:
            ModelFolderError: If it is no lossless tokenizer.
        """
        tokenizer = parse_tokenizer(content, path)
        try:
            return cls(tokenizer)
        except ModelFolderError as error:
            raise ModelFolderError(f"{path}: {error}") from None

    def to_json(self) -> bytes:
        """Return what a `tokenizer.json` holds."""
        return self._tokenizer.to_str().encode()

    def encode(self, texts: Sequence[str]) -> list[Ids]:
        """Return the ids of each text, without `start`.

        Args:
            texts: The texts; halves of surrogate pairs are joined, or replaced by U+FFFD.
        """
        encoded = self._tokenizer.encode_batch_fast(
            [repaired(text) for text in texts], add_special_tokens=False
        )
        return [np.array(one.ids, np.uint16) for one in encoded]

    def decode(self, ids: Iterable[int]) -> bytes:
        """Return the bytes of ids; `start` has none."""
        return b"".join(self.pieces[one] for one in ids if one != self.start)


def _pieces_of(tokenizer: Tokenizer) -> list[bytes]:
    """Return the bytes of each id."""
    lossless = (
        isinstance(tokenizer.model, models.BPE)
        and tokenizer.normalizer is None
        and not tokenizer.get_added_tokens_decoder()
        and tokenizer.post_processor is None
        and _splits_at_words_alone(tokenizer.pre_tokenizer)
    )
    ids = tokenizer.get_vocab()
    if not lossless or not ids.keys() >= BYTES.keys():
        raise ModelFolderError("it is not a byte-level tokenizer of a language model")
    if len(ids) > MOST_PIECES or {*ids.values()} != {*range(len(ids))}:
        raise ModelFolderError(f"its ids are not those of at most {MOST_PIECES:,} pieces from 0")
    if not all(letter in BYTES for piece in ids for letter in piece):
        raise ModelFolderError("a piece holds a letter that stands for no byte")
    return [bytes(map(BYTES.__getitem__, piece)) for piece in sorted(ids, key=ids.__getitem__)]


def _splits_at_words_alone(step: pre_tokenizers.PreTokenizer | None) -> bool:
    if not isinstance(step, pre_tokenizers.ByteLevel):
        return False
    state = json.loads(step.__getstate__())
    return not state["add_prefix_space"]
