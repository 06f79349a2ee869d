"""Start the service: check everything first, so that what is wrong is said at once."""

from __future__ import annotations

import ipaddress
import socket
import sys

from wave_network.errors import ConfigError, option_name
from wave_network.serve.log import Log
from wave_network.serve.models import serve_models
from wave_network.serve.server import Settings, listen, run_worker
from wave_network.serve.workers import Workers

_MOST_WORKERS = 256


def serve(settings: Settings, host: str = "127.0.0.1", port: int = 8000, workers: int = 1) -> int:
    """Serve models over HTTP until SIGTERM or Ctrl-C.

    Args:
        settings: The models, the keys, and what a worker takes at most.
        host: The address to listen on.
        port: The port; 0: any that is free. The log says which.
        workers: How many processes answer; each uses one core.

    Returns:
        The number of the signal that ended it.

    Raises:
        ConfigError: If there are no workers, the host is no address, or two models have the same
            name.
        ModelFolderError: If a model cannot be loaded.
        OutputError: If the port is taken.
    """
    if not 1 <= workers <= _MOST_WORKERS:
        raise ConfigError(
            f"{option_name('workers')} must be from 1 to {_MOST_WORKERS}; got {workers}"
        )
    log = Log(sys.stderr)
    with listen(host, port) as listener:

        def started() -> None:
            _note_start(log, settings, listener, workers)

        if workers == 1:
            return run_worker(settings, listener, started)
        serve_models(settings.models)  # what cannot be loaded is said once, and not by each worker
        return Workers(workers, settings, listener, log).run(started)


def _note_start(log: Log, settings: Settings, listener: socket.socket, workers: int) -> None:
    host, port = listener.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    log.write("started", url=url, models=list(settings.models), workers=workers)
    if not settings.keys and not ipaddress.ip_address(host).is_loopback:
        log.write(
            "open service",
            "warning",
            message="other machines can ask it without a key: give "
            f"{option_name('api_key_file')}, or let only a proxy reach it",
        )
