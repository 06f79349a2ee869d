"""Parse durations and sizes: `10m`, `1h30m`, `2MB`."""

from __future__ import annotations

import re
from math import isfinite
from typing import Final

from wave_network.errors import ConfigError

_SECONDS: Final = {"h": 3_600, "m": 60, "s": 1}
_BYTES: Final = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9}


def parse_duration(text: str) -> float:
    """Convert `90s`, `10m`, `1.5h` or `1h30m` to seconds.

    Raises:
        ConfigError: If the text is no duration above 0.
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([hms])", text.strip().lower())
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    rest = re.sub(r"\d+(?:\.\d+)?\s*[hms]|\s", "", text.lower())
    if rest or not (seconds > 0 and isfinite(seconds)):
        raise ConfigError(f"{text!r} is not a duration: write 90s, 10m or 1h30m")
    return seconds


def parse_size(text: str) -> int:
    """Convert `2MB`, `500kB`, `1.5 MB` or `2000000` to bytes; a kilobyte is 1,000 bytes.

    Raises:
        ConfigError: If the text is no size above 0.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]?b|)", text.strip().lower())
    size = int(float(found[1]) * _BYTES[found[2]]) if found else 0
    if size <= 0:
        raise ConfigError(f"{text!r} is not a size: write 2MB or 500kB")
    return size
