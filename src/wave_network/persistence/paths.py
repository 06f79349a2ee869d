"""Paths as users write them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

from wave_network.errors import OutputError, option_name


def expanded(path: Path) -> Path:
    """Replace a leading `~` by the user's home folder, if there is such a user."""
    return Path(os.path.expanduser(path))


def check_utf8(path: object, option: str) -> None:
    """Check that a path is UTF-8, for libraries that take no other.

    Raises:
        OutputError: If it is not.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise OutputError(
            f"{option_name(option)}: the path {path} is not UTF-8, which is needed here: rename it"
        ) from None


def check_apart(
    outputs: Mapping[str, Path | None], inputs: Mapping[str, str | Path | None]
) -> None:
    """Check that no output is an input or another output, however their paths are written.

    Args:
        outputs: Files to write, by the parameters that name them; None: not given.
        inputs: Files to read, likewise.

    Raises:
        OutputError: If two of them are the same file.
    """
    written = [(name, expanded(path)) for name, path in outputs.items() if path is not None]
    read = [(name, expanded(Path(path))) for name, path in inputs.items() if path is not None]
    pairs = [*combinations(written, 2), *((out, given) for out in written for given in read)]
    for (name, path), (other_name, other) in pairs:
        if _same(path, other):
            both = f"{option_name(name)} and {option_name(other_name)}"
            raise OutputError(f"{both} both name {path}: give them two files")


def _same(path: Path, other: Path) -> bool:
    if os.path.realpath(path) == os.path.realpath(other):
        return True
    try:
        return os.path.samefile(path, other)
    except OSError:  # one of them does not exist, or cannot be looked at
        return False
