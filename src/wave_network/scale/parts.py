"""The parts of a job: which files are read, and the file that each is written to."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wave_network.data.files import check_file, split_name
from wave_network.data.writing import FORMATS, format_to_write
from wave_network.errors import ConfigError, DataError, OutputError, listed, option_name

_DEFAULT_FORMAT: Final = ".jsonl"
_MAGIC: Final = "*?["


@dataclass(frozen=True)
class FileIdentity:
    """What tells a file from another one, or from its own earlier content.

    Attributes:
        path: The absolute path, without links.
        bytes: Its size.
        modified: When it was last changed, in nanoseconds.
    """

    path: str
    bytes: int
    modified: int

    @classmethod
    def of(cls, path: str) -> FileIdentity:
        """Look at a file.

        Raises:
            DataError: If it is gone.
        """
        try:
            found = os.stat(path)
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}") from error
        return cls(os.path.realpath(path), found.st_size, found.st_mtime_ns)


@dataclass(frozen=True)
class Part:
    """A file to predict, and where its predictions go.

    Attributes:
        source: The file, as the user named it.
        identity: What it was when the job started.
        output: The name of the file of its predictions, in the job's folder.
        ending: The format of that file, such as `.jsonl`.
    """

    source: str
    identity: FileIdentity
    output: str
    ending: str


def is_pattern(name: str) -> bool:
    """Whether a name stands for the files that match it; a file of that very name comes first."""
    return any(character in name for character in _MAGIC) and not os.path.exists(name)


def find_parts(names: Sequence[str], folder: Path, output_format: str | None) -> list[Part]:
    """Find the parts of a job, in the order of the names; those of a pattern are sorted.

    Args:
        names: Files and patterns, such as `part-*.parquet`; `**` stands for folders in folders.
        folder: The folder to write to.
        output_format: The format to write, such as `jsonl`. None: that of each file, or `jsonl`
            where that is only read.

    Raises:
        ConfigError: If the format is unknown.
        DataError: If there is no such file.
        OutputError: If two parts would be written to one file, or over the files that are read.
        MissingExtraError: If pyarrow is needed and not installed.
    """
    parts: dict[str, Part] = {}
    for path in _files(names):
        part = _part(path, output_format)
        other = parts.setdefault(part.output, part)
        if other.identity.path != part.identity.path:
            raise OutputError(
                f"{other.source} and {path} would both be written to {folder / part.output}:"
                " rename one, or predict them into two folders"
            )
        if os.path.realpath(os.path.dirname(part.identity.path)) == os.path.realpath(folder):
            raise OutputError(
                f"{option_name('output')} {folder} is the folder of {path}: choose another, so that"
                " predictions and what is predicted stay apart"
            )
    return list(parts.values())


def _files(names: Sequence[str]) -> list[str]:
    found: dict[str, None] = {}  # ordered, and each file once
    for name in map(os.path.expanduser, names):
        if not is_pattern(name):
            check_file(Path(name))
            found[name] = None
            continue
        matches = [path for path in sorted(glob.glob(name, recursive=True)) if os.path.isfile(path)]
        if not matches:
            raise DataError(f"no file matches {name!r}: check the pattern and its folder")
        found.update(dict.fromkeys(matches))
    return list(found)


def _part(path: str, output_format: str | None) -> Part:
    stem, ending = split_name(os.path.basename(path))
    if output_format is not None:
        ending = checked_format(output_format)
    elif ending not in FORMATS:
        ending = _DEFAULT_FORMAT
    output = stem + format_to_write(Path(stem + ending))
    return Part(path, FileIdentity.of(path), output, ending)


def checked_format(name: str) -> str:
    """Return the ending of files of a format.

    Raises:
        ConfigError: If predictions are not written in that format.
    """
    ending = f".{name.removeprefix('.')}"
    if ending not in FORMATS:
        known = listed([known.removeprefix(".") for known in FORMATS])
        raise ConfigError(f"{option_name('output_format')} {name!r:.60} is not one of {known}")
    return ending
