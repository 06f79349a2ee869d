"""How a command ends that cannot go on: one line on stderr, and its exit code."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Final, NoReturn, ParamSpec

from wave_network.errors import WaveNetworkError

P = ParamSpec("P")

_DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


def fail(message: str, code: int) -> NoReturn:
    """Exit with one line on stderr."""
    sys.stderr.write(f"wave-network: {' '.join(message.split())}\n")
    sys.exit(code)


def reported(command: Callable[P, None]) -> Callable[P, None]:
    """Let a command end as the command line promises, whatever a user does to it.

    Typer would take Ctrl-C for a silent exit and a closed pipe for a failure, so they are handled
    before it sees them.
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
            sys.stdout.flush()
        except WaveNetworkError as error:
            fail(str(error), 2)
        except KeyboardInterrupt:
            fail("interrupted", 130)
        except BrokenPipeError:
            _discard_output()
            sys.exit(0)  # the reader (head, say) has enough
        except OSError as error:
            if error.errno not in _DISK_FULL:
                raise
            _discard_output()
            fail("the disk is full, so the output is not complete: free some space", 2)

    return run


def _discard_output() -> None:
    """Send what is still to be written nowhere, so that Python does not fail again at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
