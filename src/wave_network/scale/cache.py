"""A cache on disk: what was read and encoded of data, for a later training of the same data.

Each entry is a folder of raw arrays, named by the digest of all that decides its content, with a
description that has the digest of each array. What is damaged, cut short or of something else is
told by these, and made again. Entries are written whole or not at all, and never removed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network._version import __version__
from wave_network.errors import OutputError, listed, option_name
from wave_network.persistence.atomic import replacing_folder
from wave_network.persistence.leftovers import clear
from wave_network.persistence.paths import expanded

logger = logging.getLogger(__name__)

_FORMAT: Final = 1
_DESCRIPTION: Final = "entry.txt"
_ENTRY: Final = re.compile(r"(texts|ids)-[0-9a-f]{32}")
_LEFT: Final = re.compile(r"(\.(?:texts|ids)-[0-9a-f]{32}\.wave-network-)[a-z0-9_]{8}")
_DTYPES: Final = frozenset(("uint8", "int32", "int64", "float32", "float64"))
_BYTES_AT_ONCE: Final = 2**24


class Entry(NamedTuple):
    """An entry of a cache.

    Attributes:
        arrays: The arrays by name, mapped from their files; changes do not reach the files.
        facts: What else belongs to them, as JSON holds it.
    """

    arrays: dict[str, NDArray[Any]]
    facts: dict[str, Any]


class Cache:
    """A folder of entries. Several processes may use it at once.

    Args:
        folder: It is made with the first entry.

    Raises:
        OutputError: If it holds anything else.

    Attributes:
        reused: The bytes of the entries that were there.
        written: The bytes of those that were made.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = expanded(Path(folder))
        self.reused = self.written = 0
        try:
            names = [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            names = []
        except OSError as error:
            raise OutputError(f"{folder} cannot be a cache: {error.strerror}") from error
        others = [name for name in names if not (_ENTRY.fullmatch(name) or _LEFT.fullmatch(name))]
        if others:
            raise OutputError(
                f"{folder} holds other files than those of a cache ({listed(sorted(others))}): name"
                f" another folder with {option_name('cache')}"
            )
        for left in filter(None, map(_LEFT.fullmatch, names)):
            clear(self.folder, left[1])

    def read(self, kind: str, key: str, what: str) -> Entry | None:
        """Return an entry, or None if there is none that is whole.

        Args:
            kind: `texts` or `ids`.
            key: The result of `key_of`.
            what: What it is of, for messages.
        """
        folder = self._folder(kind, key)
        if not folder.exists():
            return None
        try:
            content = _read_description(folder / _DESCRIPTION)
            if (content["format"], content["key"]) != (_FORMAT, key):
                raise ValueError("it is of something else")
            arrays = {
                name: _checked(_mapped(folder / f"{name}.bin", *form), digest)
                for name, (*form, digest) in content["arrays"].items()
            }
            entry = Entry(arrays, dict(content["facts"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("%s is damaged (%s): it is made again", folder, error)
            return None
        size = _size(arrays)
        self.reused += size
        logger.info("cache: %s reused, %.1f MB", what, size / 1e6)
        return entry

    def write(
        self,
        kind: str,
        key: str,
        what: str,
        arrays: Mapping[str, NDArray[Any]],
        facts: Mapping[str, Any],
    ) -> Entry:
        """Write an entry, and return it with its arrays mapped from the files.

        Args:
            kind: As for `read`, as are the next two.
            key: The result of `key_of`.
            what: What it is of, for messages.
            arrays: Arrays of numbers by name, of letters alone.
            facts: What else belongs to them.

        Raises:
            OutputError: If the disk is full, or the entry cannot be written.
        """
        folder = self._folder(kind, key)
        with replacing_folder(folder, check=_check_replaceable) as new:
            described = {
                name: [array.dtype.name, list(array.shape), _write(new / f"{name}.bin", array)]
                for name, array in arrays.items()
            }
            content = {"format": _FORMAT, "key": key, "arrays": described, "facts": dict(facts)}
            _write_description(new / _DESCRIPTION, content)
            mapped = {
                name: _mapped(new / f"{name}.bin", *form) for name, (*form, _) in described.items()
            }
        size = _size(mapped)
        self.written += size
        logger.info("cache: %s written to %s, %.1f MB", what, self.folder, size / 1e6)
        return Entry(mapped, dict(facts))

    def summary(self) -> dict[str, Any]:
        """Return what became of it, as JSON values."""
        return {
            "folder": str(self.folder),
            "reused_bytes": self.reused,
            "written_bytes": self.written,
        }

    def _folder(self, kind: str, key: str) -> Path:
        return self.folder / f"{kind}-{key[:32]}"


def key_of(*parts: object) -> str:
    """Return the key of an entry: the digest of all that decides it, and of our version."""
    return hashlib.sha256(json.dumps([__version__, _FORMAT, *parts]).encode()).hexdigest()


def digest_of_file(path: Path) -> str:
    """Return the digest of a file's content.

    Raises:
        OSError: If it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(_BYTES_AT_ONCE):
            digest.update(data)
    return digest.hexdigest()


def digest_of_arrays(*arrays: NDArray[Any] | None) -> str:
    """Return the digest of the values of arrays, of their types and shapes."""
    digest = hashlib.sha256()
    for array in arrays:
        form = None if array is None else (array.dtype.name, array.shape)
        digest.update(repr(form).encode())
        if array is not None:
            digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _write_description(path: Path, content: Mapping[str, Any]) -> None:
    """Write a description, after a line with its digest."""
    text = json.dumps(content)
    path.write_text(f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}", encoding="utf-8")


def _read_description(path: Path) -> dict[str, Any]:
    """Read a description.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is not what was written.
    """
    digest, _, text = path.read_text(encoding="utf-8").partition("\n")
    if hashlib.sha256(text.encode()).hexdigest() != digest:
        raise ValueError("its description has changed")
    return dict(json.loads(text))


def _write(path: Path, array: NDArray[Any]) -> str:
    """Write an array, and return its digest."""
    values = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    with path.open("wb") as file:
        values.tofile(file)
    return hashlib.sha256(values.data).hexdigest()


def _mapped(path: Path, dtype: str, shape: list[int]) -> NDArray[Any]:
    """Map an array from a file; changes stay in memory.

    Raises:
        OSError: If it cannot be read.
        ValueError: If the file is not of this size, or the form is none of ours.
    """
    if dtype not in _DTYPES or not path.stem.isalpha():
        raise ValueError(f"{path.name} is not of a cache")
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if path.stat().st_size != size:
        raise ValueError(f"{path.name} is cut short")
    if not size:
        return np.empty(shape, dtype)
    return np.asarray(np.memmap(path, dtype, mode="c", shape=tuple(shape)))


def _checked(array: NDArray[Any], digest: str) -> NDArray[Any]:
    """Return an array if it is what was written.

    Raises:
        ValueError: If it is not.
    """
    if hashlib.sha256(array.reshape(-1).view(np.uint8).data).hexdigest() != digest:
        raise ValueError("its content has changed")
    return array


def _check_replaceable(folder: Path) -> None:
    """Refuse to replace what holds other files than an entry's.

    Raises:
        OutputError: If it does.
    """
    others = [
        path.name
        for path in (folder.iterdir() if folder.is_dir() else [folder])
        if path.name != _DESCRIPTION and path.suffix != ".bin"
    ]
    if others:
        raise OutputError(
            f"{folder} holds other files than those of a cache ({listed(sorted(others))}): move"
            " them elsewhere"
        )


def _size(arrays: Mapping[str, NDArray[Any]]) -> int:
    return sum(array.nbytes for array in arrays.values())
