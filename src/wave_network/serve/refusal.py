"""Requests that are refused: each with a status, and a message that says what to do."""

from __future__ import annotations

from collections.abc import Mapping


class RefusedError(Exception):
    """A request that is not answered as it was asked.

    Args:
        status: The HTTP status.
        message: What is wrong, and what to do. It quotes no text.
        headers: Further headers of the answer.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


def busy(what: str) -> RefusedError:
    """The refusal of a worker that has too much to do: ask again in a second."""
    return RefusedError(429, f"{what}: ask again later", {"Retry-After": "1"})
