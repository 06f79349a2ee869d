"""Write files and folders whole or not at all: create them beside the target, then rename.

If the target is a symbolic link, its destination is replaced and the link stays.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from wave_network.errors import OutputError, for_caller, option_name


def check_new(path: Path, *, overwrite: bool, option: str = "output") -> None:
    """Check before the work whether a file or folder can be written.

    Args:
        path: The file or folder.
        overwrite: Whether an existing one may be replaced.
        option: The parameter that names it, for the message.

    Raises:
        OutputError: If it exists and must not be replaced, or cannot be written.
    """
    try:
        exists = _exists(path)
        # Missing parent folders are created only when there is something to write.
        parents = path.resolve().parents
        with tempfile.TemporaryFile(dir=next(place for place in parents if _exists(place))):
            pass
    except OSError as error:
        raise OutputError(f"cannot write to {path.parent}: {error.strerror}") from error
    if exists and not overwrite:
        other = for_caller(command_line=option_name(option), python="place")
        overwriting = for_caller(command_line="--overwrite", python="overwrite=True")
        raise OutputError(
            f"{path} exists: choose another {other}, or replace it with {overwriting}"
        )


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Yield a new folder that replaces the target when the block ends without an error.

    Raises:
        OutputError: If the disk is full or the folder cannot be written; the target is unchanged.
    """
    with _reported(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        target = folder.resolve()  # follows a link
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = tempfile.mkdtemp(prefix=_hidden(target), dir=target.parent)
        new, old = Path(beside, "new"), Path(beside, "old")
        try:
            new.mkdir()
            yield new
            _replace_folder(target, new, old)
        finally:
            shutil.rmtree(beside, ignore_errors=True)


@contextmanager
def replacing_file(path: Path, *, overwrite: bool) -> Iterator[IO[str]]:
    """Yield a new UTF-8 text file that replaces the target when the block ends without an error.

    Raises:
        OutputError: As `check_new` and `replacing_folder`.
    """
    check_new(path, overwrite=overwrite)
    if path.exists() and not path.is_file():
        raise OutputError(f"{path} is not a file, so it is not replaced: choose another")
    with _reported(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        target = path.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=_hidden(target), dir=target.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                yield file
            Path(name).chmod(0o666 & ~_umask())  # mkstemp creates it for its owner only
            Path(name).replace(target)
        finally:
            Path(name).unlink(missing_ok=True)


def _replace_folder(target: Path, new: Path, old: Path) -> None:
    if not target.exists():
        new.rename(target)
        return
    target.rename(old)
    try:
        new.rename(target)
    except BaseException:
        if not target.exists():
            old.rename(target)
        raise


@contextmanager
def _reported(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # An OutputError from the block names a temporary file; its cause has the reason.
        cause = error.__cause__ if isinstance(error, OutputError) else error
        if not isinstance(cause, OSError):
            raise
        full = cause.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = "the disk is full" if full else cause.strerror or str(cause)
        raise OutputError(f"cannot write {target}: {reason}; nothing was changed") from error


def _exists(path: Path) -> bool:
    """Like `Path.exists`, but raises an error if the path cannot be checked."""
    try:
        path.stat()
    except FileNotFoundError:
        return False
    return True


def _hidden(target: Path) -> str:
    return f".{target.name[:40]}."  # a longer name might leave no room for a suffix


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
