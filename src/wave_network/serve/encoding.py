"""JSON as the service writes it."""

from __future__ import annotations

import json


def encode(value: object) -> bytes:
    """Write a value as JSON in ASCII: a label may hold what UTF-8 cannot."""
    return json.dumps(value, allow_nan=False).encode("ascii")
