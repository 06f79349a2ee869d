"""How soon `wave-network serve` refuses what it has no room for, while it works.

    python benchmarks/serve/full_queue.py MODEL

Asks for explanations of many texts over several connections until texts are refused (429), and
then, meanwhile, for one more again and again. Prints how long the refusals took.
"""

from __future__ import annotations

import http.client
import json
import sys
import tempfile
import time
from pathlib import Path
from threading import Thread
from typing import Final

from servers import Running, running

_REFUSALS: Final = 200
_FILLING: Final = 12
_HEADERS: Final = {"Content-Type": "application/json"}
_LARGE: Final = json.dumps({"texts": ["many words of a text " * 20] * 1_000, "explain": True})


def main() -> None:
    """Fill the queue, and measure."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running("serve", Path(sys.argv[1]), 1, Path(folder, "log")) as service,
    ):
        for _ in range(_FILLING):
            Thread(target=_keep_full, args=(service,), daemon=True).start()
        seconds = _refusals(service)
    p50, p99 = (1e3 * sorted(seconds)[len(seconds) * share // 100] for share in (50, 99))
    print(f"{len(seconds)} refusals: p50 {p50:.2f} ms, p99 {p99:.2f} ms")


def _keep_full(service: Running) -> None:
    while _status(http.client.HTTPConnection("127.0.0.1", service.port), _LARGE)[0] in (200, 429):
        time.sleep(0.05)


def _refusals(service: Running) -> list[float]:
    """Return the seconds of refused requests of 1,000 texts that are next to nothing to read."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port)
    body = json.dumps({"texts": [""] * 1_000})
    found: list[float] = []
    while len(found) < _REFUSALS:
        status, seconds = _status(connection, body)
        if status == 429:
            found.append(seconds)
    return found


def _status(connection: http.client.HTTPConnection, body: str) -> tuple[int, float]:
    started = time.perf_counter()
    try:
        connection.request("POST", "/v1/predict", body, _HEADERS)
        answered = connection.getresponse()
        answered.read()
    except OSError:
        return 0, 0.0
    return answered.status, time.perf_counter() - started


if __name__ == "__main__":
    main()
