"""Ending training early: a signal that training asks for, and that Ctrl-C sets."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopSignal:
    """A request to end what training is doing, which training takes at its next step.

    Until there is something to keep, Ctrl-C raises `KeyboardInterrupt` as ever. After `keep`, it
    makes a request instead; a second Ctrl-C before the first was taken raises.
    """

    def __init__(self) -> None:
        self._requested = False
        self._keeping = False

    def request(self) -> None:
        """Ask training to end early and keep what it has."""
        self._requested = True

    def take(self) -> bool:
        """Whether a stop was requested since the last call."""
        requested, self._requested = self._requested, False
        return requested

    def keep(self) -> None:
        """From now on there is something to keep."""
        self._keeping = True

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Let Ctrl-C break the body off where it is, and leave a request."""
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
        """Let Ctrl-C make requests while the body runs.

        Signals reach the main thread alone, and a handler that somebody else has set stays: in both
        cases nothing changes.
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
