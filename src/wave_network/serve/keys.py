"""API keys: read from a file, compared in constant time, and never written anywhere."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Final

from wave_network.errors import ConfigError, option_name

_SHORTEST: Final = 16
_LARGEST_FILE: Final = 2**20


class Keys:
    """The keys that open the service. Only their digests are kept.

    Args:
        keys: The keys.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self._digests = tuple(sha256(key.encode()).digest() for key in keys)

    def accept(self, authorization: bytes) -> bool:
        """Whether an `Authorization` header has one of the keys.

        The time does not depend on which key it is, or on how much of one is right.

        Args:
            authorization: The header's value: `Bearer KEY`.
        """
        scheme, _, key = authorization.partition(b" ")
        given = sha256(key.strip()).digest()
        known = False
        for digest in self._digests:
            known |= compare_digest(digest, given)
        return known and scheme.lower() == b"bearer"


def read_keys(path: Path) -> list[str]:
    """Read the keys in a file, one a line; blank lines and lines with # at the start are skipped.

    Raises:
        ConfigError: If the file cannot be read, has no key, or a key that is too short to be safe
            or cannot stand in a header.
    """
    option = option_name("api_key_file")
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError("it is not a file")
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{option} {path} cannot be read: {error}") from error
    if len(content) > _LARGEST_FILE:
        raise ConfigError(f"{option} {path} is larger than 1 MB: put one key on each line")
    keys = []
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), start=1):
        key = line.strip()
        if not key or key.startswith("#"):
            continue
        if len(key) < _SHORTEST or not (key.isascii() and key.isprintable() and " " not in key):
            raise ConfigError(
                f"{option} {path}: line {number} is no safe key: write at least {_SHORTEST} ASCII "
                "characters without spaces, as `openssl rand -hex 32` prints"
            )
        keys.append(key)
    if not keys:
        raise ConfigError(f"{option} {path} has no key: write one on each line")
    return keys
