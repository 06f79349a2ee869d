"""Read the files of a language model as token ids, in constant memory."""

from __future__ import annotations

import hashlib
import mmap
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Final

import numpy as np

from wave_network.data.collect import unchanging
from wave_network.data.documents import Piece, iter_documents
from wave_network.data.read_options import ReadOptions
from wave_network.errors import DataError, OutputError
from wave_network.progress.stages import stage, tracked
from wave_network.text.byte_level import ByteLevelTokenizer, Ids

HELD_OUT_EVERY: Final = 50
"""One document in so many is held out for validation."""

_LARGEST_HELD_OUT: Final = 2**17  # tokens, so that validation takes seconds
_SAMPLE: Final = 2**24  # characters that the tokenizer is learnt from
_PIECES_AT_ONCE: Final = 256
_LEAST_TOKENS: Final = 64


@dataclass(frozen=True)
class Corpus:
    """The documents of some files as token ids, each after the id `start` of the tokenizer.

    Attributes:
        tokenizer: Its tokenizer, learnt from the files.
        training: The documents to train on, in the order of the files, (tokens,); mapped from a
            temporary file.
        validation: Those held out, (tokens,).
        documents: How many documents there are in all.
        held_out: How many of them are held out; 0: the end of the last one is.
        digest: A digest of all ids.
    """

    tokenizer: ByteLevelTokenizer
    training: Ids
    validation: Ids
    documents: int
    held_out: int
    digest: str

    def bytes_of(self, ids: Ids) -> int:
        """Return how many bytes of text some ids stand for."""
        counts = np.bincount(ids, minlength=len(self.tokenizer.lengths))
        return int(counts @ self.tokenizer.lengths)


def read_corpus(
    files: Sequence[str | Path], pieces: int, text_column: str, options: ReadOptions
) -> Corpus:
    """Learn a tokenizer from files, and read them as its ids.

    Args:
        files: As for `iter_documents`.
        pieces: The size of the vocabulary.
        text_column: The column of the texts.
        options: The files' encoding, and what quotation marks mean.

    Raises:
        DataError: If a file cannot be used, or there is hardly any text.
        OutputError: If the temporary folder cannot take the ids.
        MissingExtraError: If a format needs a library that is not installed.
    """

    def documents(path: str | Path) -> Iterator[Piece]:
        return iter_documents(path, text_column, options.encoding, options.quoting)

    with ExitStack() as stack:
        for path in files:
            stack.enter_context(unchanging(Path(path)))
        with stage("learning a vocabulary"):
            share = _SAMPLE // len(files)
            texts = (text for path in files for text in _first_of(documents(path), share))
            tokenizer = ByteLevelTokenizer.learn(texts, pieces)
        writer = _IdsWriter(
            tokenizer, stack.enter_context(tempfile.TemporaryFile(prefix="wave-network-"))
        )
        for path in files:
            with stage(f"reading {Path(path).name}"):
                writer.write(tracked(documents(path), unit="pieces"))
        return writer.finish()


def _first_of(pieces: Iterable[Piece], characters: int) -> Iterator[str]:
    """Yield texts until they have so many characters."""
    for piece in pieces:
        yield piece.text
        characters -= len(piece.text)
        if characters <= 0:
            return


class _IdsWriter:
    """Writes documents to a file, and holds some of them out.

    Args:
        tokenizer: Their tokenizer.
        file: An empty file, closed by the caller after `finish`; a temporary one without a name
            leaves nothing behind, even if the process is killed.
    """

    def __init__(self, tokenizer: ByteLevelTokenizer, file: IO[bytes]) -> None:
        self._tokenizer, self._file = tokenizer, file
        self._digest = hashlib.sha256()
        self._validation: list[Ids] = []
        self._left = _LARGEST_HELD_OUT
        self._documents = self._held_out = 0
        self._holding = False

    def write(self, pieces: Iterator[Piece]) -> None:
        """Append documents.

        Raises:
            OutputError: If the temporary folder cannot take them.
        """
        while some := list(islice(pieces, _PIECES_AT_ONCE)):
            encoded = self._tokenizer.encode([piece.text for piece in some])
            for piece, ids in zip(some, encoded, strict=True):
                self._append(ids, first=piece.first)

    def finish(self) -> Corpus:
        """Return all documents.

        Raises:
            DataError: If there is hardly any text.
            OutputError: If the temporary folder cannot take them.
        """
        try:
            self._file.flush()
            size = self._file.tell()
            if size < 2 * _LEAST_TOKENS:
                raise DataError(
                    f"the files have {size // 2} tokens of text, too few to learn from: give more"
                )
            mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise _refused(error) from None
        training = np.frombuffer(mapped, np.uint16)
        if not self._held_out:
            held_out = min(max(len(training) // HELD_OUT_EVERY, 2), _LARGEST_HELD_OUT)
            self._validation = [self._start(), training[-held_out:]]
            training = training[:-held_out]
        return Corpus(
            tokenizer=self._tokenizer,
            training=training,
            validation=np.concatenate(self._validation),
            documents=self._documents,
            held_out=self._held_out,
            digest=self._digest.hexdigest(),
        )

    def _append(self, ids: Ids, *, first: bool) -> None:
        if first:
            self._documents += 1
            self._holding = self._documents % HELD_OUT_EVERY == 0 and self._left > 0
            self._held_out += self._holding
        elif self._holding and self._left <= 0:  # the rest of a long one is trained on
            self._holding, first = False, True
        if first:
            ids = np.concatenate([self._start(), ids])
        self._digest.update(ids.tobytes())
        if self._holding:
            self._validation.append(ids)
            self._left -= len(ids)
            return
        try:
            self._file.write(ids.tobytes())
        except OSError as error:
            raise _refused(error) from None

    def _start(self) -> Ids:
        return np.array([self._tokenizer.start], np.uint16)


def _refused(error: OSError) -> OutputError:
    return OutputError(
        f"the texts cannot be copied to the temporary folder ({error.strerror or error}): free"
        " some space there, or set TMPDIR to another folder"
    )
