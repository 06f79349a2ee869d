"""JSON as the service writes it."""

from __future__ import annotations

import json
from typing import Final

_encoder: Final = json.JSONEncoder(allow_nan=False)


def encode(value: object) -> bytes:
    """Write a value as JSON in ASCII, which no program reads wrongly."""
    return _encoder.encode(value).encode("ascii")
