"""Check files and columns, with errors that say what is wrong and what to do."""

from __future__ import annotations

import codecs
import glob
import os
import stat
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from wave_network.data.signatures import START_BYTES, kind_of
from wave_network.data.streams import COMPRESSED, open_bytes, uncompressed_name
from wave_network.errors import DataError, listed, option_name
from wave_network.huggingface.ids import hub_hint

ENDINGS: Final = (".csv", ".tsv", ".jsonl", ".json", ".parquet", ".xlsx", ".txt")
"""The formats that are read, each also with `.gz`, `.zst` or `.zip` after it."""

UNTYPED_ENDINGS: Final = (".csv", ".tsv", ".txt", ".xlsx")
"""Formats that do not distinguish integers from strings."""

_BINARY_ENDINGS: Final = (".parquet", ".xlsx")
_LABEL_START: Final = b"__label__"


def check_file(path: Path, *, pipe: bool = False) -> None:
    """Check that a path is a file that we can read.

    Args:
        path: The path.
        pipe: Whether it may be a named pipe, which can be read only once.

    Raises:
        DataError: If it is a folder, is missing, cannot be read, or has an unknown format.
        MissingExtraError: For `.zst`, if pyarrow is not installed.
    """
    mode = _mode(path)
    if stat.S_ISDIR(mode):
        raise DataError(f"{path} is a folder: name one of its files ({listed(names_in(path))})")
    if not stat.S_ISREG(mode):
        _check_pipe(path, mode, pipe=pipe)
        return
    start, ending = _start(path), format_of(path)
    kind = None if ending in _BINARY_ENDINGS else kind_of(start, path)
    if kind is not None:
        raise DataError(f"{path} is {kind.name}: {kind.advice}")
    if ending not in ENDINGS:
        raise DataError(f"{path} {_unknown(start)}")


def matching_files(pattern: str | Path) -> list[Path]:
    """Return the files that a pattern such as `part-*.csv` stands for, in the order of their names.

    Returns:
        None of them if it is no pattern, or there is a file or folder of that very name.

    Raises:
        DataError: If it is a pattern that no file matches.
    """
    if not glob.has_magic(str(pattern)) or os.path.lexists(pattern):
        return []
    found = sorted(glob.glob(str(pattern), recursive=True))
    if not found:
        raise DataError(f"no file matches {pattern}: correct the pattern, or name one file")
    return list(map(Path, found))


def format_of(path: Path) -> str:
    """Return the extension that stands for a file's format, without that of a compression.

    fastText files may have any name, so a file with an unknown extension is `.txt` if it starts
    with `__label__`.

    Raises:
        DataError: If the file must be opened and cannot be.
    """
    ending = Path(uncompressed_name(path)).suffix.lower()
    if ending not in ENDINGS and path.is_file():
        start = _start(path).removeprefix(codecs.BOM_UTF8)
        if start.startswith(_LABEL_START):
            return ".txt"
    return ending


def split_name(name: str) -> tuple[str, str]:
    """Split a file's name into its stem and its format, both without a compression's extension.

    The format is empty if the name does not say one that is read.
    """
    path = Path(name)
    if path.suffix.lower() in COMPRESSED:
        path = Path(path.stem)
    ending = path.suffix.lower()
    return (path.stem, ending) if ending in ENDINGS else (path.stem, "")


def names_in(folder: Path) -> list[str]:
    """Return the names of a folder's entries, sorted.

    Raises:
        DataError: If the folder cannot be read.
    """
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}") from error


def column_index(columns: Sequence[str], name: str, option: str, where: object) -> int:
    """Find a column by its name.

    Args:
        columns: The names of all columns.
        name: The name to find.
        option: The parameter that sets it, for the message.
        where: The file, for the message.

    Raises:
        DataError: If no column, or more than one, has that name.
    """
    if columns.count(name) == 1:
        return columns.index(name)
    if name in columns:
        raise DataError(f"{where} has several columns {name!r}: rename all but one")
    raise DataError(
        f"{where} has no column {name!r}, only {listed(columns)}: name the right one with"
        f" {option_name(option)}"
    )


def _mode(path: Path) -> int:
    try:
        return os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        if os.path.islink(path):
            target = os.readlink(path)
            raise DataError(f"{path} is a link to {target}, which does not exist") from error
        raise DataError(f"{path} does not exist{_near_miss(path)}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # a zero byte
        raise DataError(f"{str(path)!r} is not the name of a file: {error}") from error


def _check_pipe(path: Path, mode: int, *, pipe: bool) -> None:
    if not (pipe and stat.S_ISFIFO(mode)):
        raise DataError(
            f"{path} is not a regular file, and its content may be needed more than once: write it"
            " to a file first"
        )
    readable = [ending for ending in ENDINGS if ending not in _BINARY_ENDINGS]
    if path.suffix.lower() not in readable:
        raise DataError(
            f"{path} is a pipe whose name does not end in {', '.join(readable)}: give its texts to"
            " standard input, one a line, or write it to a file first"
        )


def _start(path: Path) -> bytes:
    with open_bytes(path) as file:
        return file.peek(START_BYTES)[:START_BYTES]


def _unknown(start: bytes) -> str:
    """Say what is wrong with a file of unknown extension that starts so."""
    known = ", ".join(ENDINGS)
    if b"\0" in start and not start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return f"is not a file of texts in a known format: write it as one of {known}"
    return f"has an unknown extension: rename it to match its format ({known})"


def check_distinct(columns: Sequence[str], where: object) -> None:
    """Check that no two columns have the same name.

    Raises:
        DataError: If two have.
    """
    for name in columns:
        if columns.count(name) > 1:
            raise DataError(f"{where} has several columns {name!r}: rename all but one")


def _near_miss(path: Path) -> str:
    if not os.path.isdir(path.parent):
        hint = "" if path.suffix.lower() in ENDINGS else hub_hint(path)
        return f": there is no folder {path.parent}{hint}"
    similar = get_close_matches(path.name, names_in(path.parent), n=1)
    return f": did you mean {path.with_name(similar[0])}?" if similar else ""
