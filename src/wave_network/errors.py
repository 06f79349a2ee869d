"""The errors a user can cause. Each message says what is wrong, where, and what to do.

The command line prints the message and exits with 2. Any other exception is a bug of this package:
exit code 1. A message that names an option takes the name from `option_name`, so that it reads
`--max-length` on the command line and `max_length` in Python.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final, NamedTuple

_MOST_LISTED: Final = 10
_LONGEST_NAME: Final = 60

# What a terminal obeys, or what reorders the letters around it: control characters but for the line
# end and the tab, separators of lines and paragraphs, and what embeds, overrides or isolates a
# direction of writing.
_OBEYED: Final = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
# What cannot be seen, so that two names look alike. The joiners U+200C and U+200D do not belong to
# it: words of many languages, and emoji, need them.
_UNSEEN: Final = (
    r"\t\n\xad\u061c\u180e\u200b\u200e\u200f\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb"
)
OBEYED: Final = re.compile(f"[{_OBEYED}]")
"""One character that a terminal obeys, or that reorders others."""
_OBEYED_OR_UNSEEN: Final = re.compile(f"[{_OBEYED}{_UNSEEN}]")


class WaveNetworkError(Exception):
    """Base class of every error that better input would have avoided.

    Its message is `printable`, whatever names and values of others it quotes.
    """

    def __str__(self) -> str:
        return printable(super().__str__(), lines=True)


class DataError(WaveNetworkError, ValueError):
    """Texts or labels cannot be used: missing file, unknown column, bad encoding, one class."""


class NoRowsError(DataError):
    """A file has no rows at all."""

    def __init__(self, path: object) -> None:
        super().__init__(f"{path} has no rows: give a file with at least one text")
        self._path = path

    def __reduce__(self) -> tuple[type[NoRowsError], tuple[object]]:
        """Rebuild the error from its parts: it must come back from other processes."""
        return type(self), (self._path,)


class ConfigError(WaveNetworkError, ValueError):
    """An option has a value that does not exist or does not fit the other options."""


class ModelFolderError(WaveNetworkError, ValueError):
    """A model folder is missing, damaged, of another program, or from a newer version."""


class OutputError(WaveNetworkError, OSError):
    """Output cannot be written: it exists already, the disk is full, or permission is missing."""


class MissingExtraError(WaveNetworkError, ImportError):
    """An optional dependency is not installed. The message names the extra to install."""

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(
            f'{purpose} needs the "{extra}" extra: pip install "wave-network[{extra}]"'
        )
        self.extra = extra
        self._purpose = purpose

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        """Rebuild the error from its parts: it must come back from other processes."""
        return type(self), (self.extra, self._purpose)


class Caller(NamedTuple):
    """The interface in use: the command line or Python, and how it writes the options' names."""

    on_command_line: bool
    names: Mapping[str, str]


_PYTHON: Final = Caller(on_command_line=False, names=MappingProxyType({}))
_caller: ContextVar[Caller] = ContextVar("caller", default=_PYTHON)


def option_name(parameter: str) -> str:
    """A parameter's name as the caller writes it: `max_length`, or `--max-length`.

    Args:
        parameter: The name in Python.
    """
    return _caller.get().names.get(parameter, parameter)


def for_caller(*, command_line: str, python: str) -> str:
    """The wording for the interface in use, where more than a parameter's name differs."""
    return command_line if _caller.get().on_command_line else python


@contextmanager
def on_command_line(names: Mapping[str, str]) -> Iterator[None]:
    """Word messages for the command line.

    Args:
        names: The command's options, such as `--max-length`, by their parameter in Python.
    """
    with as_caller(Caller(on_command_line=True, names=names)):
        yield


@contextmanager
def in_a_file() -> Iterator[None]:
    """Name parameters plainly, as files of settings and models do."""
    with as_caller(_caller.get()._replace(names=MappingProxyType({}))):
        yield


def current_caller() -> Caller:
    """The interface in use, for another process to word its messages alike with `as_caller`."""
    caller = _caller.get()
    return caller._replace(names=dict(caller.names))


@contextmanager
def as_caller(caller: Caller) -> Iterator[None]:
    """Word messages for that interface."""
    before = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(before)


@contextmanager
def extra_needed(extra: str, purpose: str) -> Iterator[None]:
    """Wrap imports: a missing module becomes an error that names the extra to install.

    Raises:
        MissingExtraError: If one of the imports fails.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("wave_network"):
            raise
        raise MissingExtraError(extra, purpose) from error


def printable(text: str, *, lines: bool = False) -> str:
    r"""Write control characters as escapes, such as `\x1b`: a terminal would obey them.

    Use it for every text of others that a terminal shows: labels, names, texts, messages.

    Args:
        text: The text.
        lines: Whether it is a text to read, which keeps its line ends, tabs and invisible
            characters. A name is written on one line, without invisible characters.
    """
    if text.isprintable():
        return text
    pattern = OBEYED if lines else _OBEYED_OR_UNSEEN
    return pattern.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def printable_json(text: str) -> str:
    """Escape in JSON what a terminal would obey; the values remain the same.

    Args:
        text: JSON on one line, in which characters below the space are escaped, as they must be.
    """
    if text.isprintable():
        return text
    return OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def listed(names: Sequence[object]) -> str:
    """Quote names on one line for a message, and shorten a long list."""
    if not names:
        return "nothing"
    shown = [_shortened(repr(name)) for name in names[:_MOST_LISTED]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 4]}...{name[-1]}"


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or the name of its class."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
