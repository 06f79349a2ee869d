"""Interrupt training: Ctrl-C, a deadline or pruning sets a signal that training checks."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopSignal:
    """A request to stop, which training checks after each step.

    Until there is a model to keep, Ctrl-C raises `KeyboardInterrupt` as usual. After `keep`, it
    requests a stop instead; a second Ctrl-C before training stops raises.
    """

    def __init__(self) -> None:
        self._requested = False
        self._keeping = False

    def request(self) -> None:
        """Request that training ends early and keeps its best epoch so far."""
        self._requested = True

    def take(self) -> bool:
        """Return whether a stop was requested since the last call."""
        requested, self._requested = self._requested, False
        return requested

    def keep(self) -> None:
        """Declare that there is a model to keep from now on."""
        self._keeping = True

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Let Ctrl-C end the body at once, and request a stop."""
        keeping, self._keeping = self._keeping, False
        try:
            yield
        except KeyboardInterrupt:
            if not keeping:
                raise
            self._requested = True
        finally:
            self._keeping = keeping

    @contextmanager
    def on_ctrl_c(self) -> Iterator[None]:
        """Let Ctrl-C request a stop while the body runs.

        Outside the main thread, which alone receives signals, and where another handler is set,
        Ctrl-C stays as it is.
        """
        before = signal.getsignal(signal.SIGINT)
        in_main_thread = threading.current_thread() is threading.main_thread()
        if not in_main_thread or before is not signal.default_int_handler:
            yield
            return
        signal.signal(signal.SIGINT, self._pressed)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _pressed(self, number: int, frame: FrameType | None) -> None:
        if self._requested or not self._keeping:
            raise KeyboardInterrupt
        self.request()
