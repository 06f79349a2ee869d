"""Put a finished folder in its place: in one step if the system supports it, otherwise in two."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Final

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
_NOT_SUPPORTED: Final = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)


def exchange(first: Path, second: Path, spare: Path) -> None:
    """Exchange two folders.

    Linux does it at once: nobody ever sees one of the places empty. Elsewhere the second folder is
    moved to `spare` first; if the process dies in between, it is still there.

    Args:
        first: A folder.
        second: Another one on the same file system.
        spare: A free place on that file system.

    Raises:
        OSError: If they cannot be moved; both are where they were.
    """
    if _exchange_at_once(first, second):
        return
    try:
        os.rename(second, spare)
        os.rename(first, second)
    except BaseException:  # a signal, too, may arrive between the two, or right after them
        if os.path.lexists(spare) and not os.path.lexists(second):
            os.rename(spare, second)
        raise
    os.rename(spare, first)


def sync(path: Path) -> None:
    """Flush a file, or the entries of a folder, to the disk."""
    try:
        handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    except OSError:
        if path.is_dir():  # Windows opens no folders
            return
        raise
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NOT_SUPPORTED:
            raise
    finally:
        os.close(handle)


def _exchange_at_once(first: Path, second: Path) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):  # a C library of before 2018
        return False
    places = (_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second))
    if rename(*places, _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NOT_SUPPORTED:  # by this file system
        return False
    raise OSError(number, os.strerror(number), str(second))
