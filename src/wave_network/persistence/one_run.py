"""Let one run at a time write to a place, by a lock that does not outlive its process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from wave_network.errors import OutputError
from wave_network.persistence.paths import expanded

try:
    import fcntl
except ImportError:  # Windows: nothing is locked
    fcntl = None  # type: ignore[assignment]


@contextmanager
def one_run(target: Path) -> Iterator[None]:
    """Hold the lock of a file or folder that is to be written.

    The lock is on a hidden file beside it, or in its first parent that exists. It is the system's,
    which drops it when the process ends, however it ends.

    Raises:
        OutputError: If another run holds it.
    """
    target = expanded(target).resolve()
    parent = next(place for place in target.parents if place.is_dir())
    name = quote(os.fsencode(target.relative_to(parent)), safe="")[-100:]
    path = parent / f".{name}.wave-network-lock"
    handle = None
    if fcntl is not None:
        handle = _locked(path, target)
    try:
        yield
    finally:
        if handle is not None:
            with suppress(OSError):
                path.unlink()
            os.close(handle)


def _locked(path: Path, target: Path) -> int | None:
    """Open and lock the file; None if it cannot be made, which whoever writes will report."""
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise OutputError(
                f"another run is writing {target}: wait for its end, or choose another output"
            ) from None
        except OSError:  # a file system without locks
            return handle
        with suppress(OSError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        os.close(handle)  # the run before has just removed it
