"""The processes of one training, as `torchrun`, `accelerate launch` and Ray Train start them.

The main process, of rank 0, does all that a single one does: it alone reads the data, draws the
batches, validates, and writes. The others are workers. They hold a copy of the network, get their
share of each batch from the main process, and end when it does (`torch_worker.py`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from wave_network.errors import WaveNetworkError, extra_needed, option_name

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup

_VARIABLES: Final = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_WAIT: Final = timedelta(
    days=365
)  # workers wait for as long as the main process reads or validates


class ProcessLostError(WaveNetworkError):
    """Another process of the training has ended."""


class Processes:
    """The processes of one training, and a channel from the main process to the workers.

    Args:
        group: All processes, for messages on the CPU.
        begun: Whether torch's own group of them was begun for this training.

    Attributes:
        rank: The number of this process; 0: the main one.
        count: Number of processes.
        in_step: Whether the workers wait for this process within something done together.
    """

    def __init__(self, group: ProcessGroup, *, begun: bool) -> None:
        self._group, self._begun = group, begun
        self.rank, self.count = group.rank(), group.size()
        self.in_step = False

    @contextmanager
    def together(self) -> Iterator[None]:
        """Do something together that begins with a message of the main process."""
        self.in_step = True
        yield
        self.in_step = False

    def send(self, messages: Sequence[object]) -> None:
        """Send each worker its message, as the main process.

        Raises:
            ProcessLostError: If a worker has ended.
        """
        self._scatter([None, *messages])

    def send_all(self, message: object) -> None:
        """Send all workers the same message, as the main process.

        Raises:
            ProcessLostError: If a worker has ended.
        """
        self.send([message] * (self.count - 1))

    def receive(self) -> Any:  # noqa: ANN401
        """Wait for the next message of the main process, as a worker.

        Raises:
            ProcessLostError: If the main process has ended.
        """
        return self._scatter(None)

    def gather(self, own: object) -> list[Any]:
        """Collect what each process has, by rank; empty in workers.

        Raises:
            ProcessLostError: If one has ended.
        """
        from torch import distributed

        collected: list[object] = [None] * self.count if self.rank == 0 else []
        with connected():
            distributed.gather_object(own, collected or None, dst=0, group=self._group)
        return collected

    def close(self) -> None:
        """Close the connections: Python must not end while threads of theirs run."""
        from torch import distributed

        distributed.destroy_process_group(None if self._begun else self._group)

    def _scatter(self, messages: list[object] | None) -> object:
        from torch import distributed

        received: list[object] = [None]
        with connected():
            distributed.scatter_object_list(received, messages, src=0, group=self._group)
        return received[0]


current: ContextVar[Processes | None] = ContextVar("processes", default=None)
"""The processes that this one leads or works for; None: it trains alone."""


def is_launched() -> bool:
    """Whether this is one of several processes that a launcher has started."""
    return all(map(os.environ.get, _VARIABLES)) and os.environ["WORLD_SIZE"] != "1"


def is_worker() -> bool:
    """Whether this is one of several processes, and not the main one."""
    return is_launched() and os.environ["RANK"] != "0"


@contextmanager
def leading() -> Iterator[None]:
    """Lead the other processes of the launch, if there are any, as the main one.

    They end with the body, however it ends.

    Raises:
        MissingExtraError: If there are others, but no torch.
    """
    if not is_launched():
        yield
        return
    processes = joined()
    before = current.set(processes)
    try:
        yield
    finally:
        try:
            dismiss_workers()
        finally:
            current.reset(before)


def dismiss_workers() -> bool:
    """Let the workers end: this process trains alone from now on. Return whether there were any."""
    processes = current.get()
    if processes is None:
        return False
    current.set(None)
    try:
        if not processes.in_step:  # else they end by losing the connection
            processes.send_all(None)
    finally:
        processes.close()
    return True


def joined() -> Processes:
    """Connect to the other processes of the launch.

    Raises:
        MissingExtraError: If torch is missing.
    """
    with extra_needed("torch", "training in several processes"):
        import accelerate  # noqa: F401
        import torch
        from torch import distributed

    begins = not distributed.is_initialized()  # Ray Train has done so already
    if begins:
        distributed.init_process_group(
            "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        )
    return Processes(distributed.new_group(backend="gloo", timeout=_WAIT), begun=begins)


@contextmanager
def connected() -> Iterator[None]:
    """Wrap what processes do together.

    Raises:
        ProcessLostError: If one of them has ended.
    """
    try:
        yield
    except RuntimeError as error:
        raise ProcessLostError(
            "another process of this training was lost: see what it has written; with "
            f"{option_name('checkpoint_every')}, a training goes on from where it was"
        ) from error
