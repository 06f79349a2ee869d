"""Start the servers that are measured, each in processes of its own, and read their CPU time."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).resolve().parent
_START_SECONDS: Final = 120
SERVERS: Final = ("serve", "engine", "tfidf")
"""Ours, and the peers of `peers.py`."""


@dataclass(frozen=True)
class Running:
    """A server that answers.

    Attributes:
        url: Where it answers questions.
        port: Its port on this machine.
        process: Its first process.
    """

    url: str
    port: int
    process: int

    def cpu_seconds(self) -> float:
        """Return the CPU time of all of its processes so far (Linux)."""
        return sum(map(_cpu_seconds, _family(self.process)))


@contextmanager
def running(server: str, model: Path, workers: int, log: Path) -> Iterator[Running]:
    """Start a server, wait until each worker may have started, and end it after the block.

    Args:
        server: One of `SERVERS`.
        model: The model folder, or the file of the pipeline.
        workers: How many processes answer.
        log: The file for its standard error.

    Raises:
        RuntimeError: If it does not answer.
    """
    port = _free_port()
    command = [sys.executable, str(_HERE / "peers.py"), server, str(model), str(port), str(workers)]
    if server == "serve":
        options = ["--port", str(port), "--workers", str(workers)]
        command = [sys.executable, "-m", "wave_network", "serve", str(model), *options]
    url = f"http://127.0.0.1:{port}/v1/predict"
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    with log.open("a") as errors:
        process = subprocess.Popen(command, stderr=errors, env={**os.environ, **threads})
        try:
            _wait_for(url, process, log)
            time.sleep(2 * workers)  # the others
            yield Running(url, port, process.pid)
        finally:
            process.terminate()
            process.wait(60)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, b'{"texts": ["a"]}', headers)
    until = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            urllib.request.urlopen(request, timeout=10).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"the server does not answer: {log.read_text()}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _family(process: int) -> Iterator[int]:
    yield process
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    for child in children:
        yield from _family(int(child))


def _cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
