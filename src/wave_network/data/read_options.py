"""How text files are read: their encoding, and what quotation marks mean."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wave_network.errors import ConfigError, option_name

if TYPE_CHECKING:
    from wave_network.scale.cache import Cache

QUOTINGS: Final = ("auto", "none", "csv")

# Codecs for something else than files of text, or that can give halves of surrogate pairs.
_UNSUITABLE: Final = (
    "idna",
    "punycode",
    "raw-unicode-escape",
    "undefined",
    "unicode-escape",
    "utf-7",
)


@dataclass(frozen=True)
class ReadOptions:
    """How text files are read.

    Attributes:
        encoding: The name of their encoding, as Python knows it. A byte order mark takes
            precedence.
        quoting: In `.csv` and `.tsv` files, `csv`: a field may stand in quotation marks; `none`: a
            quotation mark is an ordinary character; `auto`: decide for each file.
        cache: Keeps the rows of files; None: nothing does.

    Raises:
        ConfigError: If a value is unknown.
    """

    encoding: str = "utf-8"
    quoting: str = "auto"
    cache: Cache | None = None

    def __post_init__(self) -> None:
        if self.quoting not in QUOTINGS:
            raise ConfigError(
                f"{option_name('quoting')} must be auto, none or csv; got {self.quoting!r:.60}"
            )
        if not _is_text_encoding(self.encoding):
            raise ConfigError(
                f"{option_name('encoding')} must be the name of a text encoding, such as utf-8,"
                f" utf-16 or windows-1252; got {self.encoding!r:.60}"
            )


def is_utf8(encoding: str) -> bool:
    """Whether a known encoding is UTF-8."""
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")


def _is_text_encoding(name: str) -> bool:
    try:
        codec = codecs.lookup(name)
        "".encode(name)  # refuses codecs from bytes to bytes
    except (LookupError, TypeError, UnicodeError, ValueError):
        return False
    return codec.name not in _UNSUITABLE
