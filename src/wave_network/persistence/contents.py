"""Read the files of a model folder as bytes, and verify by checksums that they belong together.

`config.json` has the CRC-32 of the files that decide the answers. Without it, a folder that is
replaced while it is read could give the configuration of one model and the weights of another:
they fit in shape but answer at random. If a checksum differs, the folder is read again. Damage is
found, too. The checksums do not protect against an attacker, who can write others. A cryptographic
digest would not either, and takes longer than the rest of reading the weights.

The bytes are read, not mapped into memory: where a mapped file is overwritten the process dies.
"""

from __future__ import annotations

import json
import stat
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from wave_network.config.checks import shortened
from wave_network.errors import ConfigError, ModelFolderError, first_line
from wave_network.models.tensor_spec import Tensors
from wave_network.persistence.format import (
    CHECKED,
    CHECKSUMS,
    CONFIG,
    EXPORT,
    FORMAT_VERSION,
    LANGUAGE_MODEL,
    METRICS,
    MODEL_TYPE,
)

_ATTEMPTS: Final = 20
_PAUSE: Final = 0.02  # seconds; a folder is replaced in less
_LARGEST_JSON: Final = 2**26
"""Bytes; a configuration of a million labels takes half of it."""


def checksum(content: bytes) -> str:
    """The CRC-32 of a file's content, as `config.json` holds it."""
    return f"{zlib.crc32(content):08x}"


def read_contents(
    folder: Path, names: tuple[str, ...] = (*CHECKED, METRICS)
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Read the configuration and those of the other files that exist, all of one model.

    Args:
        folder: A folder that exists.
        names: Those that are wanted beside `config.json`.

    Raises:
        ModelFolderError: If it has no configuration, or a file is not of the same model.
    """
    for attempt in range(_ATTEMPTS):
        before = _identity(folder)
        try:
            description = parse_object(read_file(folder / CONFIG), folder / CONFIG)
            contents = {
                name: read_file(folder / name) for name in names if (folder / name).exists()
            }
            _check_contents(folder, description, contents)
        except ModelFolderError:
            # It may have been replaced meanwhile.
            if attempt == _ATTEMPTS - 1 or _identity(folder) == before:
                raise
        else:
            if _identity(folder) == before:
                return description, contents
        time.sleep(_PAUSE)
    raise ModelFolderError(f"{folder} is replaced again and again while it is read: try later")


def _check_contents(
    folder: Path, description: Mapping[str, Any], contents: Mapping[str, bytes]
) -> None:
    """Compare files with the checksums in the configuration; older versions wrote none."""
    expected = description.get(CHECKSUMS)
    if expected is None:
        return
    if not isinstance(expected, dict):
        raise ModelFolderError(f"{folder / CONFIG} is damaged: its checksums are not an object")
    for name, content in contents.items():
        if name in expected and checksum(content) != expected[name]:
            raise ModelFolderError(
                f"{folder / name} is damaged, or of another model: it is not the file that {CONFIG}"
                " was written with; copy the whole folder again"
            )


def check_description(description: Mapping[str, Any], folder: Path) -> None:
    """Check that `config.json` describes a model of ours that this version reads.

    Raises:
        ModelFolderError: If it does not.
    """
    if description.get("model_type") != MODEL_TYPE:
        raise ModelFolderError(f"{folder / CONFIG} does not describe a Wave Network model")
    if EXPORT in description:
        raise ModelFolderError(f"{folder} is an export: give the model folder it was made from")
    version = description.get("format_version")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise ModelFolderError(
            f"{folder} has format {shortened(version)}, newer than this version reads "
            f"({FORMAT_VERSION}): pip install --upgrade wave-network"
        )


def is_language_model(description: Mapping[str, Any]) -> bool:
    """Whether `config.json` describes a language model; all others are classifiers."""
    return description.get("architecture") == LANGUAGE_MODEL


def read_file(path: Path) -> bytes:
    """Read a regular file; a pipe or a device could block forever and is refused.

    Raises:
        ModelFolderError: If it is missing, something else, or cannot be read.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ModelFolderError(f"{path} is not a file: the model folder is damaged")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ModelFolderError(
            f"{path} is missing: {path.parent} is not a model folder, or is incomplete"
        ) from error
    except OSError as error:
        raise ModelFolderError(f"{path} cannot be read: {error.strerror}") from error


def parse_object(content: bytes, path: Path) -> dict[str, Any]:
    """Parse a JSON object.

    Raises:
        ModelFolderError: If it is none.
    """
    value = parse_json(content, path)
    if not isinstance(value, dict):
        raise ModelFolderError(f"{path} is damaged: not a JSON object")
    return value


def parse_json(content: bytes, path: Path) -> object:
    """A JSON value in UTF-8.

    Raises:
        ModelFolderError: If it is none, or nested too deep or too large to be read.
    """
    if len(content) > _LARGEST_JSON:
        raise ModelFolderError(f"{path} is damaged: {len(content):,} bytes are too many")
    try:
        value: object = json.loads(content.decode("utf-8"))
    except RecursionError:
        raise ModelFolderError(f"{path} is damaged: nested too deep") from None
    except ValueError as error:
        raise ModelFolderError(f"{path} is damaged: {first_line(error)}") from error
    return value


def _identity(folder: Path) -> tuple[int, int, int] | None:
    """Return a value that changes when the folder or its configuration is replaced."""
    try:
        place, config = folder.stat(), (folder / CONFIG).stat()
    except OSError:
        return None
    return place.st_ino, config.st_ino, config.st_mtime_ns


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Name the file in which something is wrong."""
    try:
        yield
    except ConfigError as error:
        raise ModelFolderError(f"{path} is damaged: {error}") from error


def parse_tensors(content: bytes, path: Path) -> Tensors:
    """Parse a safetensors file.

    Raises:
        ModelFolderError: If it is none.
    """
    from safetensors.numpy import load

    try:
        tensors: Tensors = load(content)
    except Exception as error:  # SafetensorError, or whatever NumPy says of a type it has not
        raise ModelFolderError(f"{path} is damaged: {first_line(error)}") from error
    return tensors


def check_finite(tensors: Tensors) -> None:
    """Refuse weights that are no numbers: they would answer everything with the first label.

    Raises:
        ConfigError: If there are any.
    """
    for name, tensor in tensors.items():
        # The extremes of an array with a NaN are NaN, and finding them is quicker than `isfinite`.
        if tensor.size and not (np.isfinite(tensor.min()) and np.isfinite(tensor.max())):
            raise ConfigError(f"the weights {name} are not finite")
