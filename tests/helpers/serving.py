"""Running the service: its application in this process, or the whole of it in one of its own."""

import asyncio
import contextlib
import io
import json
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from wave_network.serve.app import create_app
from wave_network.serve.keys import Keys
from wave_network.serve.limits import Limits
from wave_network.serve.log import Log
from wave_network.serve.models import serve_models
from wave_network.serve.service import Service

_SERVE = """
import sys
from wave_network.serve.limits import Limits
from wave_network.serve.server import Settings
from wave_network.serve.start import serve
settings, options = eval(sys.argv[1])
limits = Limits(**settings.pop("limits", {}))
serve(Settings(limits=limits, **settings), port=0, **options)
"""


reads_proc = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


class App:
    """The application of a worker, asked without a network."""

    def __init__(self, models, keys=None, log_texts=False, **limits):
        self.stream = io.StringIO()
        self.service = Service(serve_models(map(str, models)), Limits(**limits), Log(self.stream))
        self.asgi = create_app(self.service, Keys(keys) if keys else None, log_texts=log_texts)

    @property
    def log(self):
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def ask(self, method, path, **request):
        """Send one request."""
        return self.ask_all([(method, path, request)])[0]

    def ask_all(self, requests):
        """Send requests at the same time."""

        async def send():
            transport = httpx.ASGITransport(self.asgi, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
                sent = (client.request(method, path, **rest) for method, path, rest in requests)
                return await asyncio.gather(*sent)

        return asyncio.run(send())

    def predict(self, value, path="/v1/predict"):
        return self.ask("POST", path, json=value)


class Served:
    """A service in a process of its own."""

    def __init__(self, process, log):
        self.process = process
        self._log = log
        (started,) = self._wait_for("started")
        self.url = started["url"]
        self.address = ("127.0.0.1", int(self.url.rpartition(":")[2]))

    @property
    def log(self):
        lines = self._log.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def events(self, name):
        return [line for line in self.log if line["event"] == name]

    def _wait_for(self, event):
        return self.wait_until(lambda: self.events(event))

    def wait_until(self, asked, seconds=30):
        """Wait until a function gives something."""
        until = time.monotonic() + seconds
        while not (found := asked()):
            assert self.process.poll() is None, self._log.read_text()
            assert time.monotonic() < until, self._log.read_text()
            time.sleep(0.02)
        return found

    def stop(self, number=signal.SIGTERM):
        """End it gracefully, and return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(30)

    def connect(self):
        return socket.create_connection(self.address, timeout=20)

    def answer_to(self, sent):
        """Send bytes over a new connection, and return all that comes back until it is closed."""
        with self.connect() as connection:
            with contextlib.suppress(OSError):
                connection.sendall(sent)
            return read_all(connection)


def read_all(connection):
    received = b""
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(2**16):
            received += part
    return received


@contextlib.contextmanager
def serving(models, log, *, command=None, settings=None, **options):
    """Run a service on a free port.

    Args:
        models: The model folders.
        log: The file for its log.
        command: Arguments of the command line, to run that; else Python's interface is used.
        settings: Fields of `Settings`, with `limits` as a dictionary.
        options: Options of `serve`.
    """
    if command is None:
        given = {"models": tuple(map(str, models)), **(settings or {})}
        arguments = [sys.executable, "-c", _SERVE, repr((given, options))]
    else:
        arguments = [sys.executable, "-m", "wave_network", "serve", *map(str, models), *command]
    with log.open("a") as stream:  # several processes write to it
        process = subprocess.Popen(arguments, stderr=stream, stdin=subprocess.DEVNULL)
    try:
        yield Served(process, log)
    finally:
        process.kill()
        process.wait()


def post(value, path="/v1/predict", **headers):
    """The bytes of a prediction request."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    lines = {
        "Host": "service",
        "Content-Type": "application/json",
        "Content-Length": len(body),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body
