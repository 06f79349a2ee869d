"""Format values of any source as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from wave_network.errors import printable_json


def json_text(value: object) -> str:
    """Format a value as JSON on one line, with escapes for what a terminal would obey.

    Dates, decimals and bytes, which parquet files hold, become strings. Numbers that are not finite
    become null, as JSON has no word for them.
    """
    try:
        text = _encoder.encode(value)
    except ValueError:
        text = _encoder.encode(_finite(value))
    return printable_json(text)


def json_line(record: Mapping[str, Any]) -> str:
    """Format a record as a line of JSON."""
    return json_text(record) + "\n"


def text_of(value: object) -> str:
    """Return a value for which JSON has no form as text."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    isoformat = getattr(value, "isoformat", None)
    return str(value) if isoformat is None else str(isoformat())


_encoder: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=text_of)


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return value
