"""Run the service: in this process, or in several workers behind one port."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

import uvicorn

from wave_network.errors import ConfigError, OutputError, option_name
from wave_network.serve.app import create_app
from wave_network.serve.keys import Keys
from wave_network.serve.limits import Limits
from wave_network.serve.log import Log, ServerNotes
from wave_network.serve.models import serve_models
from wave_network.serve.protocol import BoundedProtocol
from wave_network.serve.service import Service

_BACKLOG: Final = 2_048
_SWITCH: Final = 0.0005
"""Seconds that a thread may compute before the event loop gets its turn; Python's default is ten
times that, and with it a long answer would delay each short one by as much."""
_LAST_REQUESTS: Final = 1.0
"""Seconds, after SIGTERM, for requests that are on their way over open connections."""


@dataclass(frozen=True)
class Settings:
    """What a worker needs to know.

    Attributes:
        models: Model folders, or `hub:` names.
        keys: The keys that open the service; empty: it is open.
        log_texts: Whether texts stand in the log.
        limits: What a worker takes at most.
    """

    models: tuple[str, ...]
    keys: tuple[str, ...] = ()
    log_texts: bool = False
    limits: Limits = field(default_factory=Limits)


def listen(host: str, port: int) -> socket.socket:
    """Open the socket of the service.

    Args:
        host: An address or a name of this machine.
        port: The port; 0: any that is free.

    Raises:
        ConfigError: If the host is not of this machine.
        OutputError: If the port is taken, or not allowed.
    """
    try:
        ((family, *_, address), *_) = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        listener = socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except (socket.gaierror, UnicodeError) as error:
        raise ConfigError(f"{option_name('host')} {host!r} is no address: {error}") from error
    except OSError as error:
        place = f"{host}:{port}"
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise OutputError(
            f"cannot listen on {place}: {reason}; choose another {option_name('port')} or "
            f"{option_name('host')}"
        ) from error
    listener.set_inheritable(True)
    return listener


def run_worker(
    settings: Settings, listener: socket.socket, started: Callable[[], None] | None = None
) -> int:
    """Answer requests until SIGTERM or Ctrl-C, and then those that were accepted before.

    Args:
        settings: What to serve.
        listener: The socket, which others may share.
        started: Is called once the models are loaded.

    Returns:
        The number of the signal that ended it.

    Raises:
        ConfigError: If two models have the same name.
        ModelFolderError: If a model cannot be loaded.
    """
    log = Log(sys.stderr)
    notes = logging.getLogger("uvicorn")
    notes.handlers, notes.propagate = [ServerNotes(log)], False
    sys.setswitchinterval(_SWITCH)
    service = Service(serve_models(settings.models), settings.limits, log)
    keys = Keys(settings.keys) if settings.keys else None
    config = uvicorn.Config(
        create_app(service, keys, log_texts=settings.log_texts),
        http=type("Protocol", (BoundedProtocol,), {"limits": settings.limits}),
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=settings.limits.idle_seconds,
        timeout_graceful_shutdown=settings.limits.drain_seconds,
    )
    server = _Server(config, service)
    gc.collect()
    gc.freeze()  # the models: no later collection needs to look at them
    if started is not None:
        started()
    server.run(sockets=[listener])
    return server.ended_by


class _Server(uvicorn.Server):
    """A server that answers, before its end, what was sent to it before."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        self.ended_by = int(signal.SIGTERM)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Heed signals during the block; unlike uvicorn's, none is raised again after it."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End gracefully; at once if asked a second time by Ctrl-C."""
        self.ended_by = sig
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections; answer what comes over those that are open, and close them."""
        self._service.draining = True
        self._service.log.write("draining", connections=len(self.server_state.connections))
        for server in self.servers:
            server.close()
        deadline = asyncio.get_running_loop().time() + _LAST_REQUESTS
        while self.server_state.connections and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)
        await super().shutdown(sockets)
        self._service.log.write("stopped")
