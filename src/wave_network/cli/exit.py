"""End failing commands with one line on stderr and an exit code."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Final, NoReturn, ParamSpec

from wave_network.errors import WaveNetworkError, on_command_line

P = ParamSpec("P")

_DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


def fail(message: str, code: int) -> NoReturn:
    """Exit with one line on stderr."""
    sys.stderr.write(f"wave-network: {' '.join(message.split())}\n")
    sys.exit(code)


def reported(
    command: Callable[P, None], option_names: Callable[[], Mapping[str, str]] = dict
) -> Callable[P, None]:
    """Turn a command's exceptions into messages and exit codes.

    Ctrl-C and closed pipes are handled here because Typer would exit silently on the first and
    report the second as a failure.

    Args:
        command: Implements the command.
        option_names: Gives the command's options by parameter, for messages.
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            with on_command_line(option_names()):
                command(*args, **kwargs)
            sys.stdout.flush()
        except WaveNetworkError as error:
            fail(str(error), 2)
        except KeyboardInterrupt:
            fail("interrupted", 130)
        except BrokenPipeError:
            _discard_output()
            sys.exit(0)  # the reading program, such as head, has closed the pipe
        except OSError as error:
            if error.errno not in _DISK_FULL:
                raise
            _discard_output()
            fail("the disk is full and the output incomplete: free some space", 2)

    return run


def _discard_output() -> None:
    """Discard unwritten output, so that Python does not fail again when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
