"""Write a trained model to its folder, or elsewhere if that is not possible any more."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType
from typing import Any, Final

from wave_network.errors import OutputError
from wave_network.persistence.folder import ModelFiles, write_model
from wave_network.persistence.paths import expanded

_SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGHUP")


def write_trained(
    folder: Path,
    files: ModelFiles,
    *,
    card: str,
    history: list[dict[str, Any]],
    overwrite: bool = False,
) -> None:
    """Write a model as `write_model` does; if its folder cannot be written, keep it elsewhere.

    Its place was free and writable before the training, but may not be by now: another run may
    have written there, or the disk be full.

    Args:
        folder: Where it belongs. Other places are free names beside it (`model-2`), then the folder
            of temporary files.
        files: The model.
        card: Its card.
        history: Its epochs.
        overwrite: Replace a model that is there.

    Raises:
        OutputError: If it is not in its place; the message says where it is.
    """

    def write(place: Path, overwrite: bool) -> None:
        write_model(place, files, card=card, history=history, overwrite=overwrite)

    write_somewhere(folder, write, overwrite=overwrite)


def write_somewhere(
    folder: Path, write: Callable[[Path, bool], None], *, overwrite: bool = False
) -> None:
    """Write what took long to make; if its folder cannot be written, elsewhere.

    Args:
        folder: Where it belongs; other places as for `write_trained`.
        write: Writes it to a folder; the flag is whether it may replace what is there.
        overwrite: Replace what is in `folder`.

    Raises:
        OutputError: If it is not in its place; the message says where it is.
    """
    with _interrupts_deferred():
        try:
            write(folder, overwrite)
            return
        except OutputError as error:
            reason = str(error).removesuffix("; nothing was changed")
            for place in _other_places(expanded(folder)):
                try:
                    write(place, False)
                except OutputError:
                    continue
                raise OutputError(f"{reason}; the model is kept in {place}") from error
            raise OutputError(f"{reason}; no other place can take the model") from error


@contextmanager
def _interrupts_deferred() -> Iterator[None]:
    """Heed Ctrl-C, and what else raises KeyboardInterrupt, at the end; a second one at once."""
    if current_thread() is not main_thread():  # no other gets signals
        yield
        return
    known = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    handlers = {number: signal.getsignal(number) for number in known}
    waiting: list[tuple[Callable[..., Any], int]] = []

    def wait(number: int, frame: FrameType | None) -> None:
        handler = handlers[number]
        assert callable(handler)
        if waiting:
            handler(number, frame)
        waiting.append((handler, number))

    changed = [number for number, handler in handlers.items() if callable(handler)]
    for number in changed:
        signal.signal(number, wait)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, handlers[number])
    for handler, number in waiting:
        handler(number, None)


def _other_places(folder: Path) -> Iterator[Path]:
    beside = (folder.with_name(f"{folder.name}-{number}") for number in count(2))
    yield next(place for place in beside if not place.exists())
    try:
        yield Path(tempfile.mkdtemp(prefix="wave-network-kept-"), folder.name or "model")
    except OSError:
        return
