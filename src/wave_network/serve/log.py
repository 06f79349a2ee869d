"""The log: one JSON object on each line, without texts, messages of errors, or keys."""

from __future__ import annotations

import json
import logging
import traceback
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any, TextIO


class Log:
    """Writes events to a stream.

    Args:
        stream: Where to, such as standard error.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, event: str, level: str = "info", **fields: object) -> None:
        """Write an event.

        Args:
            event: What happened, such as "request".
            level: "info", "warning" or "error".
            fields: JSON values that describe it.
        """
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        record: dict[str, Any] = {"time": now, "level": level, "event": event, **fields}
        with suppress(OSError, ValueError):  # nobody reads it any more, or the disk is full
            self._stream.write(json.dumps(record) + "\n")
            self._stream.flush()

    def failure(self, error: BaseException) -> None:
        """Write an error of the service itself: its class and its place, as messages quote."""
        frames = traceback.extract_tb(error.__traceback__)
        where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        self.write("failure", "error", error=type(error).__name__, where=where)


class ServerNotes(logging.Handler):
    """Writes what the HTTP server notes, such as requests that are not HTTP.

    Args:
        log: The log.
    """

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write a note; of an exception its class and place."""
        if record.exc_info and record.exc_info[1]:
            self._log.failure(record.exc_info[1])
        else:
            self._log.write("server", record.levelname.lower(), message=record.getMessage())
