"""Write files and folders whole or not at all: create them beside the target, then exchange them.

If the target is a symbolic link, its destination is replaced and the link stays.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from wave_network.errors import OutputError, for_caller, option_name
from wave_network.persistence.exchange import exchange, sync
from wave_network.persistence.leftovers import (
    clear,
    hidden_prefix,
    left_over,
    make_folder,
    remove,
    remove_folder,
    temporary_file,
)
from wave_network.persistence.paths import expanded


def check_new(path: Path, *, overwrite: bool, option: str = "output") -> None:
    """Check before the work whether a file or folder can be written.

    Args:
        path: The file or folder.
        overwrite: Whether an existing one may be replaced.
        option: The parameter that names it, for the message.

    Raises:
        OutputError: If it exists and must not be replaced, or cannot be written.
    """
    import tempfile  # slow, and not needed where a model is only read

    path = expanded(path)
    try:
        exists = _exists(path)
        # Missing parent folders are created only when there is something to write.
        parents = path.resolve().parents
        with tempfile.TemporaryFile(dir=next(place for place in parents if _exists(place))):
            pass
    except OSError as error:
        raise OutputError(f"cannot write to {path.parent}: {error.strerror}") from error
    if exists and not overwrite:
        raise _taken(path, option)


@contextmanager
def replacing_folder(
    folder: Path, *, overwrite: bool = True, check: Callable[[Path], None] | None = None
) -> Iterator[Path]:
    """Yield a new folder that replaces the target when the block ends without an error.

    Args:
        folder: The target.
        overwrite: Whether it may replace what is there.
        check: Is given what would be replaced, and raises an OutputError where it must not be.

    Raises:
        OutputError: If the disk is full or the folder cannot be written; the target is unchanged.
    """
    with _reported(folder):
        target = _prepared(folder)  # follows a link
        _restore(target)
        beside, lock = make_folder(target.parent, hidden_prefix(target))
        new = beside / "new"
        try:
            new.mkdir()
            yield new
            for path in (*new.rglob("*"), new):
                sync(path)
            if overwrite and _exists(target):
                _replace(target, new, check)
            else:
                _rename(new, target, folder)
            sync(target.parent)
        finally:
            # Interrupted twice where folders cannot change places at once, the old one is in there.
            if os.path.lexists(target) or not (beside / "old").exists():
                remove_folder(beside)
            lock.close()


@contextmanager
def replacing_file(path: Path, *, overwrite: bool) -> Iterator[IO[str]]:
    """Yield a new UTF-8 text file that replaces the target when the block ends without an error.

    What UTF-8 cannot hold, such as parts of a file's name, is written as JSON escapes it.

    Raises:
        OutputError: As `check_new` and `replacing_folder`.
    """
    check_new(path, overwrite=overwrite)
    path = expanded(path)
    if path.exists() and not path.is_file():
        raise OutputError(f"{path} is not a file, so it is not replaced: choose another place")
    with _reported(path):
        target = _prepared(path)
        clear(target.parent, hidden_prefix(target))
        with temporary_file(target.parent, hidden_prefix(target)) as (handle, name):
            lenient = "backslashreplace"
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n", errors=lenient) as file:
                yield file
                file.flush()
                name.chmod(0o666 & ~_umask())  # it is made private
                sync(name)
            if overwrite:
                name.replace(target)
            else:
                _move_to_free_place(name, target, path)
            sync(target.parent)


def _prepared(path: Path) -> Path:
    """Where to write, with the folders on the way made."""
    path = expanded(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _replace(target: Path, new: Path, check: Callable[[Path], None] | None) -> None:
    if check is not None:
        check(target)
    spare = new.with_name("old")
    exchange(new, target, spare)
    try:
        # Once more, as somebody may have put something there at the last moment.
        if check is not None:
            check(new)
    except OutputError as error:
        exchange(new, target, spare)
        raise OutputError(str(error).replace(str(new), str(target))) from None


def _rename(new: Path, target: Path, folder: Path) -> None:
    try:
        new.rename(target)
    except OSError as error:  # there is something by now, or it cannot be written
        raise _taken(folder) if _exists(target) else error from None


def _move_to_free_place(name: Path, target: Path, path: Path) -> None:
    """Move a file, but not onto another one that has appeared meanwhile."""
    try:
        os.link(name, target)  # unlike a rename it replaces nothing
    except OSError:
        if os.path.lexists(target):
            raise _taken(path) from None
        name.replace(target)  # the file system has no links


def _restore(target: Path) -> None:
    """Remove what killed runs left beside the target; put back a folder that was to be replaced."""
    prefix = hidden_prefix(target)
    whole = prefix.startswith(f".{target.name}.")  # else it may be of another target
    for path in left_over(target.parent, prefix):
        old = path / "old"
        if whole and old.is_dir() and not os.path.lexists(target):
            old.rename(target)
        if path.is_file() or not old.is_dir() or whole:
            remove(path)


def _taken(path: Path, option: str = "output") -> OutputError:
    other = for_caller(command_line=option_name(option), python="place")
    overwriting = for_caller(command_line="--overwrite", python="overwrite=True")
    return OutputError(f"{path} exists: choose another {other}, or replace it with {overwriting}")


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


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
