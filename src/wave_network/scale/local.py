"""Predict parts on this machine, in several processes.

Reading, formatting and writing hold Python's lock most of the time, so that processes use the cores
where threads would not.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Final

from wave_network.errors import DataError, WaveNetworkError
from wave_network.scale.events import Listener, Outcome, Progress
from wave_network.scale.parts import Part
from wave_network.scale.scorer import Done, Job, Scorer

_PATIENCE: Final = 10.0  # seconds until a worker that does not end is killed
_OF_THE_TERMINAL: Final = ("SIGINT", "SIGHUP")  # which all processes of a command get from it


def score_locally(job: Job, parts: Sequence[Part], tell: Listener) -> None:
    """Predict parts in as many processes as there are threads, at most one a part.

    Args:
        job: The job; its threads are divided among the processes.
        parts: At least one.
        tell: Is told how far they are, and how each ended.

    Raises:
        RuntimeError: If a process fails for no reason that a user could change.
    """
    count = min(job.threads, len(parts))
    job = replace(job, threads=job.threads // count)
    # The largest first, so that none is left to one process at the end.
    waiting = sorted(parts, key=lambda part: part.identity.bytes)
    if count == 1:
        scorer = Scorer(job)
        while waiting:
            _score(scorer, waiting.pop(), tell)
        return
    with _environment(job.threads), ExitStack() as running:
        workers: dict[Connection, _Worker] = {}
        while waiting or workers:
            while waiting and len(workers) < count:
                worker = running.enter_context(_Worker(job))
                workers[worker.connection] = worker
                worker.give(waiting.pop())
            for connection in wait(list(workers)):
                assert isinstance(connection, Connection)
                worker = workers[connection]
                event = worker.hear()
                tell(event)
                if worker.part is not None:
                    continue
                if waiting and worker.alive:
                    worker.give(waiting.pop())
                else:
                    workers.pop(connection).end()


def _score(scorer: Scorer, part: Part, tell: Listener) -> None:
    def advance(rows: int, share: float) -> None:
        tell(Progress(part, rows, share))

    advance(0, 0.0)
    result: Done | WaveNetworkError
    try:
        result = scorer.write(part, advance)
    except WaveNetworkError as error:
        result = error
    tell(Outcome(part, result))


class _Worker:
    """A process that predicts parts, as its parent sees it.

    Attributes:
        connection: Its end of the pipe to the process.
        part: The part that it works on; None if it has nothing to do.
        alive: Whether it can be given another one.
    """

    def __init__(self, job: Job) -> None:
        context = get_context("spawn")
        self.part: Part | None = None
        self.alive = True
        self._loaded = False
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(job, theirs), daemon=True)
        with _unheard(_OF_THE_TERMINAL):
            self._process.start()
        theirs.close()

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def give(self, part: Part) -> None:
        """Let it predict a part."""
        self.part = part
        with suppress(ConnectionError):  # it is dead, which `hear` finds
            self.connection.send(part)

    def hear(self) -> Progress | Outcome:
        """Wait for what it tells of its part.

        Raises:
            WaveNetworkError: If it cannot use the model.
            RuntimeError: If it failed, or was killed before it had loaded the model.
        """
        assert self.part is not None
        try:
            event = self.connection.recv()
        except (EOFError, ConnectionError):
            event = self._killed(self.part)
        if isinstance(event, _Failure):
            raise RuntimeError(event.traceback)
        if isinstance(event, WaveNetworkError):
            raise event
        assert isinstance(event, Progress | Outcome)
        self._loaded = True
        if isinstance(event, Outcome):
            self.part = None
        return event

    def _killed(self, part: Part) -> Outcome:
        self.alive = False
        self._process.join()
        how = f"the process that predicted it was killed (exit code {self._process.exitcode})"
        if not self._loaded:
            raise RuntimeError(f"{part.source}: {how} before it had loaded the model")
        return Outcome(part, DataError(f"{part.source}: {how}, maybe because memory ran out"))

    def end(self) -> None:
        """End the process, and wait until it has removed what is not whole."""
        self.connection.close()
        self._process.terminate()
        self._process.join(_PATIENCE)
        self._process.kill()
        self._process.join()


@dataclass(frozen=True)
class _Failure:
    """An error that is no fault of the user's, as a worker tells it to its parent."""

    traceback: str


def _work(job: Job, connection: Connection) -> None:
    """Predict parts for the parent until it sends no more, or dies."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())

    def tell(event: object) -> None:
        try:
            connection.send(event)
        except OSError:  # the parent is dead
            sys.exit()

    try:
        scorer = Scorer(job)
        while True:
            _score(scorer, connection.recv(), tell)
    except EOFError:
        return
    except WaveNetworkError as error:
        tell(error)
    except Exception:
        tell(_Failure(traceback.format_exc()))


@contextmanager
def _unheard(names: Sequence[str]) -> Iterator[None]:
    """Let processes that are started inside the block never get some signals."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # else starting a process would unblock SIGINT
    numbers = [getattr(signal, name) for name in names]
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _environment(threads: int) -> Iterator[None]:
    """Keep NumPy of each process from using all cores, which the others use."""
    name = "OPENBLAS_NUM_THREADS"
    before = os.environ.get(name)
    os.environ.setdefault(name, str(threads))
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
