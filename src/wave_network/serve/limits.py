"""What the service takes at most: every wait and every buffer has a bound."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The limits of one worker.

    Attributes:
        body_bytes: The longest body of a request; 413 beyond it.
        texts: The most texts of a request; 413 beyond it.
        characters: The longest text; 413 beyond it.
        waiting_texts: The most texts that wait for their answers; 429 beyond it.
        waiting_bytes: The most bytes of large bodies in memory; 429 beyond it.
        connections: The most open connections; 503 beyond it.
        header_bytes: The longest head of a request (its line and headers); 431 beyond it.
        request_seconds: A request must have arrived whole within this time; 408 after it.
        idle_seconds: A connection without a request is closed after this time; longer than proxies
            keep theirs, so that none sends a request to a connection that is being closed.
        answer_seconds: A request that waits longer for its turn gets 503.
        drain_seconds: After SIGTERM, accepted requests have this time to be answered.
    """

    body_bytes: int = 4 * 2**20
    texts: int = 1_000
    characters: int = 100_000
    waiting_texts: int = 8_192
    waiting_bytes: int = 64 * 2**20
    connections: int = 1_000
    header_bytes: int = 32 * 2**10
    request_seconds: float = 20.0
    idle_seconds: int = 75
    answer_seconds: float = 20.0
    drain_seconds: int = 30
