"""Show stages on stderr: one line that changes on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from threading import Event, RLock, Thread
from types import TracebackType
from typing import Final, TextIO

from wave_network.errors import printable
from wave_network.progress.stages import Stage, shower
from wave_network.progress.terminal import cut, width_of

_SHOWN_AFTER: Final = 0.5  # seconds; shorter stages would only flicker
_REDRAWN_AFTER: Final = 0.2
_LINES_APART: Final = 10.0
_BAR_WIDTH: Final = 16


class Display:
    """Shows the stages that begin in its `with` block.

    A thread draws, so that work only counts, and work without a count shows its time.

    Args:
        stream: Where to draw; None: stderr.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._on_terminal = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._stages: list[Stage] = []
        self._lock = RLock()
        self._ended = Event()
        self._thread: Thread | None = None
        self._drawn = False

    def __enter__(self) -> Display:
        """Show the stages that begin from now on."""
        self._before = shower.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Clear the line, however the block ended."""
        shower.reset(self._before)
        self._ended.set()
        with self._lock:
            self._stages.clear()
            self._erase()

    def begin(self, stage: Stage) -> None:
        """Show a stage, within those that run."""
        with self._lock:
            self._stages.append(stage)
        if self._thread is None:
            self._thread = Thread(target=self._draw_on, name="progress", daemon=True)
            self._thread.start()

    def end(self, stage: Stage) -> None:
        """Show a stage no more."""
        with self._lock:
            if stage in self._stages:
                self._stages.remove(stage)
            if not self._stages:
                self._erase()

    def measured(self) -> Stage | None:
        """Return the innermost stage; None if there is none."""
        with self._lock:
            return self._stages[-1] if self._stages else None

    def say(self, line: str) -> None:
        """Print a line above the stages."""
        with self._lock:
            self._erase()
            self._write(f"{line}\n")

    def _draw_on(self) -> None:
        apart = _REDRAWN_AFTER if self._on_terminal else _LINES_APART
        while not self._ended.wait(apart):
            with self._lock:
                if self._stages and self._stages[0].elapsed >= _SHOWN_AFTER:
                    self._draw()

    def _draw(self) -> None:
        if not self._on_terminal:
            self.say(", ".join(described(self._stages)))
            return
        parts = described(self._stages, bar=_bar(self._stream.encoding))
        line = cut("  ".join(parts), width_of(self._stream) - 1)
        self._write(f"\r{line}\x1b[K")
        self._drawn = True

    def _erase(self) -> None:
        if self._drawn:
            self._write("\r\x1b[K")
            self._drawn = False

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):  # nobody sees it any more, which must end no work
            self._stream.write(text)
            self._stream.flush()


def described(stages: list[Stage], bar: str = "") -> list[str]:
    """Describe stages in parts to be joined: their names, and how far the innermost one is.

    Args:
        stages: At least one, the outermost first.
        bar: The characters of a bar, for what is done and for the rest; empty: draw none.
    """
    *outer, inner = stages
    names = [*(_summary(stage) for stage in outer), inner.name]
    parts = [": ".join(printable(name) for name in names if name)]
    share, elapsed = inner.share, inner.elapsed
    if share is not None:
        if bar:
            full = round(share * _BAR_WIDTH)
            parts.append(bar[0] * full + bar[1] * (_BAR_WIDTH - full))
        parts.append(f"{share:.0%}")
    parts.append(_time_of(inner))
    if inner.done:
        of = "" if inner.total is None else f" of {inner.total:,}"
        parts.append(f"{inner.done:,}{of} {inner.unit}")
        parts.append(_rate(inner.done / elapsed))
    if inner.detail:
        parts.append(inner.detail)
    return parts


def _summary(stage: Stage) -> str:
    """Describe a stage around the innermost one."""
    if stage.share is None:
        return stage.name
    return f"{stage.name} ({stage.share:.0%}, {_time_of(stage)})"


def _time_of(stage: Stage) -> str:
    left = stage.left
    return f"{_clock(stage.elapsed)} so far" if left is None else f"{_clock(left)} left"


def _clock(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}"


def _rate(rate: float) -> str:
    return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.2g}/s"


def _bar(encoding: str | None) -> str:
    return "━─" if (encoding or "").lower().replace("-", "").startswith("utf") else "#-"
