"""Temporary files and folders of killed runs: find and remove them, but not those in use.

A run locks what it makes (`flock`), and the system drops the lock when the process dies, however it
dies. What nobody has locked is therefore left over. Names carry a mark that nobody else uses, so
that nothing of a user's is ever taken for one of ours.

`tempfile` and `shutil` are imported where they are needed: a cold start needs neither.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

try:
    import fcntl
except ImportError:  # Windows: nothing is locked, and nothing is cleared
    fcntl = None  # type: ignore[assignment]

_MARK: Final = "wave-network-"
_RANDOM: Final = re.compile(r"[a-z0-9_]{8}")  # as `tempfile` names things


def hidden_prefix(target: Path) -> str:
    """Return the prefix of a target's temporary files and folders."""
    return f".{target.name[:40]}.{_MARK}"  # a longer name might have no room for a suffix


class Lock:
    """A lock: a file descriptor that is closed at the end, even if a signal interrupts its owner.

    Args:
        handle: A descriptor that has the lock.
    """

    def __init__(self, handle: int) -> None:
        self.handle = handle

    def close(self) -> None:
        """Release the lock."""
        handle, self.handle = self.handle, -1
        if handle >= 0:
            os.close(handle)

    __del__ = close


@contextmanager
def temporary_file(parent: Path, prefix: str) -> Iterator[tuple[int, Path]]:
    """Create a locked file: yield a descriptor to write to, which the caller closes, and its path.

    The file is removed at the end if it is still there.
    """
    import tempfile

    def make() -> tuple[Lock, str]:
        handle, name = tempfile.mkstemp(prefix=prefix, dir=parent)
        return Lock(handle), name

    lock, name = _made(make)
    try:
        yield os.dup(lock.handle), Path(name)  # the lock lasts until both are closed
    finally:
        if fcntl is None:
            lock.close()  # Windows removes no open file
        Path(name).unlink(missing_ok=True)
        lock.close()


def make_folder(parent: Path, prefix: str) -> tuple[Path, Lock]:
    """Create a folder and lock it."""
    import tempfile

    def make() -> tuple[Lock, str]:
        name = tempfile.mkdtemp(prefix=prefix, dir=parent)
        return Lock(-1 if fcntl is None else os.open(name, os.O_RDONLY)), name

    lock, name = _made(make)
    return Path(name), lock


def remove_folder(folder: Path) -> None:
    """Remove a folder as far as possible, also if a signal interrupts it in the middle."""
    import shutil

    try:
        shutil.rmtree(folder, ignore_errors=True)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        # Interrupted, `rmtree` may raise an OSError of a descriptor that it closed twice.
        if not isinstance(error, OSError):
            raise


def left_over(parent: Path, prefix: str) -> Iterator[Path]:
    """Yield what killed runs left in a folder, each locked while the caller uses it.

    Entries of other users are skipped. Links are never followed.
    """
    if fcntl is None:
        return
    try:
        names = [name for name in os.listdir(parent) if name.startswith(prefix)]
    except OSError:
        return
    for name in names:
        if _RANDOM.fullmatch(name, len(prefix)):
            path = Path(parent, name)
            with suppress(OSError), _locked(path) as free:
                if free:
                    yield path


def clear(parent: Path, prefix: str) -> None:
    """Remove what killed runs left in a folder."""
    for path in left_over(parent, prefix):
        remove(path)


def remove(path: Path) -> None:
    """Remove a file or a folder, as far as possible."""
    if path.is_dir():
        remove_folder(path)
    else:
        with suppress(OSError):
            path.unlink()


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Lock a path; yield False if it is locked already, or belongs to another user."""
    lock = Lock(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK))
    try:
        yield os.fstat(lock.handle).st_uid == os.geteuid() and _lock(lock, fcntl.LOCK_NB)
    finally:
        lock.close()


def _made(make: Callable[[], tuple[Lock, str]]) -> tuple[Lock, str]:
    """Create a file or folder and lock it before another run can take it for a leftover."""
    while True:
        lock, name = make()
        if fcntl is None or not _lock(lock):
            return lock, name  # where nothing can be locked nothing is cleared either
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock.handle), os.stat(name)):
                return lock, name
        lock.close()  # another run was quicker, and removed it


def _lock(lock: Lock, option: int = 0) -> bool:
    try:
        fcntl.flock(lock.handle, fcntl.LOCK_EX | option)
    except OSError:
        return False
    return True
