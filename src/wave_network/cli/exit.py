"""End failing commands with one line on stderr and an exit code."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType
from typing import IO, Any, Final, NoReturn, ParamSpec, TextIO, cast

from wave_network.errors import WaveNetworkError, on_command_line, printable
from wave_network.progress.display import Display

P = ParamSpec("P")

_DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_REQUESTS: Final = ("SIGTERM", "SIGHUP")
_TEXTS: Final = ("text", "texts", "prompt", "arguments")  # parameters that are no paths
_REPEATED: Final = 10.0  # seconds; a closed terminal, or whoever stops a service, sends two at once
_received: list[tuple[int, float]] = []


@contextmanager
def requests_heeded() -> Iterator[None]:
    """Treat SIGTERM, and SIGHUP of a closed terminal, like Ctrl-C.

    Signals that are ignored, as under `nohup`, stay ignored.
    """
    known = [getattr(signal, name) for name in _REQUESTS if hasattr(signal, name)]
    usual = [number for number in known if signal.getsignal(number) is signal.SIG_DFL]
    if current_thread() is not main_thread():
        usual = []
    _received.clear()
    for number in usual:
        signal.signal(number, _end)
    try:
        yield
    finally:
        # A repeated request must not change the exit code of what ends already.
        after = signal.SIG_IGN if _received else signal.SIG_DFL
        for number in usual:
            signal.signal(number, after)


def interrupted_code() -> int:
    """Return the exit code after an interruption: 128 plus the signal's number, 130 for Ctrl-C."""
    return 128 + (_received[0][0] if _received else signal.SIGINT)


def _end(number: int, frame: FrameType | None) -> None:
    now = time.monotonic()
    again = bool(_received) and now - _received[-1][1] < _REPEATED
    _received.append((number, now))
    if again:
        return
    on_ctrl_c = signal.getsignal(signal.SIGINT)  # training has a handler of its own
    if not callable(on_ctrl_c):
        raise KeyboardInterrupt
    on_ctrl_c(signal.SIGINT, frame)


class _LastingStream:
    """A stream that discards its output once nobody reads it any more.

    Training must not end because its progress cannot be shown.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or discard if the stream is closed."""
        try:
            return self._stream.write(text)
        except UnicodeEncodeError:  # as in a file's name that is not UTF-8
            return self.write(text.encode("ascii", "backslashreplace").decode("ascii"))
        except (OSError, ValueError):  # ValueError: it is closed
            self._stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
            return len(text)

    def flush(self) -> None:
        """Flush, or discard if the stream is closed."""
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self._stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._stream, name)


def lasting(stream: TextIO | None) -> TextIO:
    """Wrap a stream so that writing never fails; None, a closed one, discards all output."""
    if isinstance(stream, _LastingStream):
        return cast("TextIO", stream)
    return cast("TextIO", _LastingStream(stream or open(os.devnull, "w", encoding="utf-8")))


def fail(message: str, code: int) -> NoReturn:
    """Exit with one line on stderr."""
    sys.stderr.write(f"wave-network: {printable(' '.join(message.split()))}\n")
    sys.exit(code)


def reported(
    command: Callable[P, None], option_names: Callable[[], Mapping[str, str]] = dict
) -> Callable[P, None]:
    """Turn a command's exceptions into messages and exit codes.

    Ctrl-C and closed pipes are handled here because Typer would exit silently on the first and
    report the second as a failure. Meanwhile, stages of work are shown.

    Args:
        command: Implements the command.
        option_names: Gives the command's options by parameter, for messages.
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        given = {name: _expanded(name, value) for name, value in kwargs.items()}
        try:
            with on_command_line(option_names()), Display():
                command(*args, **given)  # type: ignore[arg-type]
        except WaveNetworkError as error:
            fail(str(error), 2)
        except KeyboardInterrupt:
            fail("interrupted", interrupted_code())
        except OSError as error:
            output_lost(error)

    return run


def output_lost(error: OSError) -> NoReturn:
    """Exit because stdout cannot be written: quietly if nobody reads it, else with one line.

    Raises:
        OSError: If the error has another reason.
    """
    if error.errno not in (errno.EPIPE, *_DISK_FULL):
        raise error
    _discard_output()
    if error.errno == errno.EPIPE:
        sys.exit(0)  # the reading program, such as head, has closed the pipe
    fail("the disk is full and the output incomplete: free some space", 2)


@contextmanager
def output_heeded() -> Iterator[None]:
    """Write all of stdout before the end, and end as `output_lost` says if that is impossible."""
    if sys.stdout is None:  # it was closed before the start
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    try:
        yield
        sys.stdout.flush()
    except SystemExit:
        try:
            sys.stdout.flush()
        except OSError:
            _discard_output()  # how it ended is said already
        raise
    except OSError as error:
        output_lost(error)


_LINES_AT_ONCE: Final = 256


def write_whole(lines: Iterable[str]) -> None:
    """Write lines to stdout, and whatever ends the writing, no part of one."""
    waiting: list[str] = []
    try:
        for line in lines:
            waiting.append(line)
            if len(waiting) == _LINES_AT_ONCE:
                _write_at_once(waiting)
    finally:
        _write_at_once(waiting)


def _write_at_once(waiting: list[str]) -> None:
    text, waiting[:] = "".join(waiting), []
    with _ctrl_c_deferred():
        sys.stdout.flush()
        descriptor = None if sys.stdout.isatty() else descriptor_of(sys.stdout)
        if descriptor is None:
            sys.stdout.write(text)
            sys.stdout.flush()
            return
        # Python's buffer loses bytes when a signal interrupts a write to a full pipe.
        left = memoryview(text.encode(sys.stdout.encoding, sys.stdout.errors or "strict"))
        while left:
            left = left[os.write(descriptor, left) :]


def descriptor_of(stream: IO[str]) -> int | None:
    """Return the file descriptor of a stream; None if it is no file."""
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None


@contextmanager
def _ctrl_c_deferred() -> Iterator[None]:
    """Let the body end before Ctrl-C does what it does; a second Ctrl-C does it at once."""
    before = signal.getsignal(signal.SIGINT)
    if current_thread() is not main_thread() or not callable(before):
        yield
        return
    pressed: list[FrameType | None] = []

    def defer(number: int, frame: FrameType | None) -> None:
        pressed.append(frame)
        if len(pressed) > 1:
            before(number, frame)

    signal.signal(signal.SIGINT, defer)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if len(pressed) == 1:
            before(signal.SIGINT, pressed[0])


def _expanded(name: str, value: object) -> object:
    """A path with `~` replaced: a shell does that only where a word begins with it."""
    if isinstance(value, Path):
        return Path(os.path.expanduser(value))
    if name in _TEXTS:
        return value
    if isinstance(value, list):
        return [_expanded(name, one) for one in value]
    if isinstance(value, str) and value.startswith("~/"):
        return os.path.expanduser(value)
    return value


def _discard_output() -> None:
    """Discard unwritten output, so that Python does not fail again when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
