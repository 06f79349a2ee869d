"""Connect to a Ray cluster that already runs."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from wave_network.errors import ConfigError, extra_needed, first_line, option_name

_NO_STACK_TRACES: Final = "RAY_DISABLE_FAILURE_SIGNAL_HANDLER"  # of a process that is terminated
_SECONDS: Final = 5.0  # to wait for a cluster that an address names
_HOW_TO_START: Final = (
    "start one here with `ray start --head`, or name one with RAY_ADDRESS=HOST:PORT"
)


def connect() -> None:
    """Connect to the cluster of `RAY_ADDRESS`, or else to the one that runs on this machine.

    Does nothing if this process is connected already. It never starts a cluster.

    Raises:
        MissingExtraError: If Ray is not installed.
        ConfigError: If there is no cluster.
    """
    os.environ.setdefault(_NO_STACK_TRACES, "1")
    with extra_needed("ray", f"{option_name('engine')} ray"):
        import ray

    if ray.is_initialized():
        return
    address = os.environ.get("RAY_ADDRESS", "")
    _check_reachable(address)
    try:
        with _signals_as_they_are():
            ray.init(address="auto", logging_level=logging.ERROR, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        place = f"RAY_ADDRESS={address}: {first_line(error)}" if address else "no Ray cluster runs"
        raise ConfigError(f"{place}: {_HOW_TO_START}") from error


@contextmanager
def _signals_as_they_are() -> Iterator[None]:
    """Keep the handler of SIGTERM: Ray's own one exits at once."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, before)


def _check_reachable(address: str) -> None:
    """Refuse an address where nothing listens: Ray would wait for it for minutes.

    Raises:
        ConfigError: If nothing listens there.
    """
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not host or not port.isdecimal():  # none, `auto`, or a form that Ray judges itself
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"no Ray cluster answers at RAY_ADDRESS={address} ({error}): {_HOW_TO_START}"
        ) from error
