"""Several workers behind one port: start them, replace those that die, end them all."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from multiprocessing import connection, get_context, parent_process
from multiprocessing.context import SpawnProcess
from threading import Thread
from types import FrameType
from typing import Final

from prometheus_client.multiprocess import mark_process_dead

from wave_network.errors import ConfigError
from wave_network.serve.log import Log
from wave_network.serve.metrics import SHARED_FOLDER
from wave_network.serve.server import Settings, run_worker

_QUICK: Final = 5.0  # seconds; what lives shorter may have died of its start
_MOST_QUICK: Final = 3  # such deaths in a row: the next one would start in vain, too
_LAST: Final = 5.0  # seconds beyond those for draining, after which a worker is killed

_processes: Final = get_context("spawn")  # a worker has its own Python: nothing is half copied


class Workers:
    """Processes that share a socket. If this process dies, they end, too.

    Args:
        count: How many.
        settings: What each serves.
        listener: The socket.
        log: Where to write events.
    """

    def __init__(self, count: int, settings: Settings, listener: socket.socket, log: Log) -> None:
        self._count = count
        self._settings = settings
        self._listener = listener
        self._log = log
        self._workers: dict[SpawnProcess, float] = {}
        self._ended_by = 0
        self._quick = 0

    def run(self, started: Callable[[], None]) -> int:
        """Run them until SIGTERM or Ctrl-C; then each answers what it accepted.

        Args:
            started: Is called once they have been started.

        Returns:
            The number of the signal that ended them.

        Raises:
            ConfigError: If a worker cannot start.
        """
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self._end) for number in numbers}
        try:
            with tempfile.TemporaryDirectory(prefix="wave-network-") as folder:
                os.environ[SHARED_FOLDER] = folder
                for _ in range(self._count):
                    self._start()
                started()
                while not self._ended_by:
                    connection.wait([worker.sentinel for worker in self._workers], timeout=0.5)
                    self._replace_dead()
                self._finish()
        finally:
            os.environ.pop(SHARED_FOLDER, None)
            for worker in self._workers:
                worker.kill()
            for number, handler in before.items():
                signal.signal(number, handler)
        return self._ended_by

    def _start(self) -> None:
        worker = _processes.Process(target=_work, args=(self._settings, self._listener))
        worker.start()
        self._workers[worker] = time.monotonic()

    def _replace_dead(self) -> None:
        for worker, since in list(self._workers.items()):
            if worker.is_alive() or self._ended_by:
                continue
            del self._workers[worker]
            mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
            self._log.write("worker died", "error", pid=worker.pid, code=worker.exitcode)
            self._quick = self._quick + 1 if time.monotonic() - since < _QUICK else 0
            if self._quick == _MOST_QUICK:
                raise ConfigError(
                    f"workers end right after their start (exit code {worker.exitcode}): the lines "
                    "above say why"
                )
            self._start()

    def _finish(self) -> None:
        """Wait until the workers have drained."""
        self._listener.close()  # nobody accepts connections any more
        until = time.monotonic() + self._settings.limits.drain_seconds + _LAST
        for worker in self._workers:
            worker.terminate()
        for worker in self._workers:
            worker.join(max(0.0, until - time.monotonic()))

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._ended_by = self._ended_by or number


def _work(settings: Settings, listener: socket.socket) -> None:
    Thread(target=_end_with_parent, daemon=True).start()
    run_worker(settings, listener)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
