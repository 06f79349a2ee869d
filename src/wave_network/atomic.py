"""Writing files and folders whole or not at all: made beside their target, then renamed."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from wave_network.errors import OutputError


def check_new(path: Path, *, overwrite: bool) -> None:
    """Find out before the work whether something could be written here.

    Raises:
        OutputError: If it exists and must not be replaced, or its place cannot be written to.
    """
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists: choose another --output, or replace it with --overwrite")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise OutputError(f"cannot write to {path.parent}: {error.strerror}") from error


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """A new folder that takes the target's place when the block ends well.

    Raises:
        OutputError: If the disk is full or the folder cannot be written; the target is unchanged.
    """
    with _reported(folder):
        new = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            new.chmod(0o777 & ~_umask())  # mkdtemp makes it private
            yield new
            if folder.exists():
                old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent))
                folder.rename(old / folder.name)
                new.rename(folder)
                shutil.rmtree(old)
            else:
                new.rename(folder)
        finally:
            shutil.rmtree(new, ignore_errors=True)


@contextmanager
def replacing_file(path: Path, *, overwrite: bool) -> Iterator[IO[str]]:
    """A new UTF-8 text file that takes the target's place when the block ends well.

    Raises:
        OutputError: As `check_new` and `replacing_folder`.
    """
    check_new(path, overwrite=overwrite)
    with _reported(path):
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                yield file
            Path(name).chmod(0o666 & ~_umask())  # mkstemp makes it private
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)


@contextmanager
def _reported(target: Path) -> Iterator[None]:
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = "the disk is full" if full else str(error)
        raise OutputError(f"cannot write {target}: {reason}; nothing was changed") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
