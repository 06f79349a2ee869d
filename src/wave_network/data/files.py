"""Check files and columns, with errors that say what is wrong and what to do."""

from __future__ import annotations

import codecs
import os
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from wave_network.errors import DataError, listed, option_name
from wave_network.huggingface.ids import hub_hint

ENDINGS: Final = (".csv", ".tsv", ".jsonl", ".parquet", ".txt")

_LABEL_START_BYTES: Final = 12  # a byte order mark and __label__


def check_file(path: Path) -> None:
    """Check that a path is a file that we can read.

    Raises:
        DataError: If it is a folder, is missing, or has an unknown extension.
    """
    if os.path.isdir(path):
        raise DataError(f"{path} is a folder: name one of its files ({listed(names_in(path))})")
    if not os.path.exists(path):
        raise DataError(f"{path} does not exist{_near_miss(path)}")
    if format_of(path) not in ENDINGS:
        known = ", ".join(ENDINGS)
        raise DataError(f"{path} has an unknown extension: rename it to match its format ({known})")


def format_of(path: Path) -> str:
    """Return the extension that stands for a file's format.

    fastText files may have any name, so a file with an unknown extension is `.txt` if it starts
    with `__label__`.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        try:
            with path.open("rb") as file:
                start = file.read(_LABEL_START_BYTES)
        except OSError:
            return ending
        if start.removeprefix(codecs.BOM_UTF8).startswith(b"__label__"):
            return ".txt"
    return ending


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
    advice = _delimiter_advice(columns) or f"name the right one with {option_name(option)}"
    raise DataError(f"{where} has no column {name!r}, only {listed(columns)}: {advice}")


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


def _delimiter_advice(columns: Sequence[str]) -> str | None:
    if len(columns) != 1:
        return None
    if "\t" in columns[0]:
        return "its columns seem to be separated by tabs, so rename it to .tsv"
    if ";" in columns[0]:
        return 'its columns seem to be separated by ";", so save it with commas between them'
    if "," in columns[0]:
        return "its columns seem to be separated by commas, so rename it to .csv"
    return None
