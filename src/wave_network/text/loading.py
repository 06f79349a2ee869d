"""Read tokenizers from elsewhere: a file, a folder, BERT's vocabulary, a Hub id."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISREG
from typing import Final

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from wave_network.errors import ModelFolderError, first_line
from wave_network.huggingface.download import hub_file
from wave_network.huggingface.ids import HUB_ID
from wave_network.text.forms import refusal

TOKENIZER_FILE: Final = "tokenizer.json"
_VOCABULARY_FILE: Final = "vocab.txt"
_LARGEST_FILE: Final = 2**28  # bytes; the largest vocabularies in use take an eighth of it
_PIPE: Final = 2**16
_TRIED: Final = (
    *("a", "A stitch in time, saves 9.", f"{'a' * 30}b", "éß", "雨が降る", "\U0001f600", "\0"),
)


def read_tokenizer(source: str | Path) -> Tokenizer:
    """Read a tokenizer from a file, a folder or the Hub.

    Args:
        source: A folder with a `tokenizer.json` or with BERT's `vocab.txt`, a `tokenizer.json`
            file, or a Hub id, `OWNER/NAME`.

    Raises:
        ModelFolderError: If there is none, or it cannot be read.
    """
    path = Path(os.path.expanduser(source))
    try:
        if path.exists() and not path.is_dir():
            return _read_json(path)
        if (path / TOKENIZER_FILE).exists():
            return _read_json(path / TOKENIZER_FILE)
        if (path / _VOCABULARY_FILE).is_file():
            return _read_bert_vocabulary(path / _VOCABULARY_FILE)
        if path.is_dir():
            raise ModelFolderError(
                f"{path} has no {TOKENIZER_FILE} (nor BERT's {_VOCABULARY_FILE})"
            )
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        if isinstance(error, ModelFolderError):
            raise
        raise ModelFolderError(f"{source} cannot be read: {first_line(error)}") from error
    if isinstance(source, str) and HUB_ID.fullmatch(source):
        return _read_json(hub_file(source, TOKENIZER_FILE))
    raise ModelFolderError(f"no tokenizer at {source}: there is no such file or folder")


def parse_tokenizer(content: bytes, path: Path) -> Tokenizer:
    """A tokenizer from what a `tokenizer.json` holds, tried on a few texts.

    Args:
        content: The file's bytes.
        path: Where they come from, for messages.

    Raises:
        ModelFolderError: If it is none, cannot be used, or is of a form that is not read.
    """
    reason: str | None
    with _panics_unseen():
        try:
            tokenizer = Tokenizer.from_buffer(content)
            reason = refusal(tokenizer)
            if reason is None:
                for text in _TRIED:
                    tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids)
        except BaseException as error:
            if not _is_failure(error):
                raise
            reason = first_line(error)
    if reason is not None:
        raise ModelFolderError(f"{path} is not a tokenizer file that can be used: {reason}")
    return tokenizer


@contextmanager
def failures_named() -> Iterator[None]:
    """Around what a tokenizer does with texts: whatever it raises becomes one of our errors.

    Raises:
        ModelFolderError: If it fails.
    """
    try:
        yield
    except BaseException as error:
        if not _is_failure(error):
            raise
        reason = first_line(error)
        raise ModelFolderError(f"the tokenizer fails on a text: {reason}") from None


@contextmanager
def named(source: str | Path) -> Iterator[None]:
    """Add to an error of a tokenizer where it comes from."""
    try:
        yield
    except ModelFolderError as error:
        raise ModelFolderError(f"{source}: {error}") from None


def _is_failure(error: BaseException) -> bool:
    """Whether an error is one of `tokenizers`': a panic of its Rust code is no `Exception`."""
    if isinstance(error, Exception):
        return not isinstance(error, MemoryError)
    return type(error).__name__ == "PanicException"


def _read_json(path: Path) -> Tokenizer:
    try:
        status = path.stat()
        if not S_ISREG(status.st_mode) or status.st_size > _LARGEST_FILE:
            raise ModelFolderError(f"{path} is not a tokenizer file: it is no file, or too large")
        content = path.read_bytes()
    except OSError as error:
        raise ModelFolderError(f"{path} cannot be read: {error.strerror}") from error
    return parse_tokenizer(content, path)


@contextmanager
def _panics_unseen() -> Iterator[None]:
    """Keep a panic's hundred lines off stderr; whatever else is written there comes a bit later."""
    try:
        stderr = os.dup(2)
    except OSError:  # there is none
        yield
        return
    out, into = os.pipe()
    try:
        with suppress(OSError, AttributeError):  # Windows may have pipes that wait only
            for end in (out, into):  # what is more than a pipe holds is lost, and nobody waits
                os.set_blocking(end, False)
        os.dup2(into, 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(into)
            with suppress(BlockingIOError):
                written = os.read(out, _PIPE)
                if written and b"panicked at" not in written:
                    os.write(2, written)
    finally:
        os.close(out)
        os.close(stderr)


def _read_bert_vocabulary(path: Path) -> Tokenizer:
    """Build BERT's uncased WordPiece around a vocabulary of one token per line."""
    try:
        # Not splitlines(), which also splits at characters that a vocabulary may contain.
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelFolderError(f"{path} cannot be read: {first_line(error)}") from error
    vocabulary = {line: index for index, line in enumerate(lines)}
    if "[UNK]" not in vocabulary:
        raise ModelFolderError(f"{path} is not BERT's vocabulary: it has no [UNK]")
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer
