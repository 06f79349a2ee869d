"""The errors a user can cause, each with a message that says what, where, and what to do.

The command line prints the message alone and exits with 2; every other exception is a defect of
ours and exits with 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

_MOST_LISTED: Final = 10
_LONGEST_NAME: Final = 60


class WaveNetworkError(Exception):
    """Base of every error that better input would have avoided."""


class DataError(WaveNetworkError, ValueError):
    """The texts or labels cannot be used: missing file, unknown column, bad encoding, one class."""


class ConfigError(WaveNetworkError, ValueError):
    """An option has a value that does not exist or does not fit the others."""


class ModelFolderError(WaveNetworkError, ValueError):
    """A model folder is missing, damaged, foreign, or from a newer version."""


class OutputError(WaveNetworkError, OSError):
    """Something cannot be written: the output exists, the disk is full, no permission."""


class MissingExtraError(WaveNetworkError, ImportError):
    """An optional dependency is not installed; the message names the extra to install."""

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(
            f'{purpose} needs the "{extra}" extra: pip install "wave-network[{extra}]"'
        )
        self.extra = extra


@contextmanager
def extra_needed(extra: str, purpose: str) -> Iterator[None]:
    """Around imports: a module that is not installed becomes an error that names its extra.

    Raises:
        MissingExtraError: If one of the imports fails.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("wave_network"):
            raise
        raise MissingExtraError(extra, purpose) from error


def listed(names: Sequence[object]) -> str:
    """Names for a message: quoted, on one line, the first few where there are many."""
    if not names:
        return "nothing"
    shown = [_shortened(repr(name)) for name in names[:_MOST_LISTED]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 4]}...{name[-1]}"


def first_line(error: BaseException) -> str:
    """The first line of what an error says, or the name of its class."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
