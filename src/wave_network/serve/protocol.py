"""HTTP/1.1 as uvicorn speaks it, with bounds for clients that never finish or never end."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from wave_network.serve.limits import Limits

_LINES: Final = {
    408: b"408 Request Timeout",
    431: b"431 Request Header Fields Too Large",
    503: b"503 Service Unavailable",
}


class BoundedProtocol(HttpToolsProtocol):
    """A connection whose requests have heads of bounded size, and arrive in bounded time."""

    limits: ClassVar[Limits] = Limits()

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments, **named)
        self._arriving = True  # the first request, from the moment of the connection
        self._head = 0  # bytes, while the head has not ended
        self._in_head = True
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time of the first request; refuse a connection too many."""
        super().connection_made(transport)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # for clients that do not read their answer
            milliseconds = int(self.limits.request_seconds * 1000)
            transport.get_extra_info("socket").setsockopt(
                socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds
            )
        if len(self.connections) > self.limits.connections:
            self._end(503)
        else:
            self._start_time()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the time."""
        self._stop_time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse data; see that a request that is not whole yet does not take too long."""
        super().data_received(data)
        if not self._arriving:
            self._stop_time()
            return
        if self._late is None:
            self._start_time()
        if self._in_head:
            self._head += len(data)
            if self._head > self.limits.header_bytes:
                self._end(431)

    def on_message_begin(self) -> None:
        """Note that a request begins."""
        super().on_message_begin()
        self._arriving = self._in_head = True
        self._head = 0

    def on_headers_complete(self) -> None:
        """Note that its head is whole."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that it is whole."""
        self._arriving = False
        super().on_message_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """Note nothing: uvicorn would tell to install support for WebSockets."""

    def _start_time(self) -> None:
        self._late = self.loop.call_later(self.limits.request_seconds, self._end, 408)

    def _stop_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _end(self, status: int) -> None:
        """Close the connection; say why, unless that would follow or interrupt another answer."""
        if self.transport.is_closing():
            return
        if self._may_answer():
            head = b"HTTP/1.1 " + _LINES[status] + b"\r\ncontent-length: 0\r\nconnection: close"
            self.transport.write(head + b"\r\n\r\n")
        self.transport.close()

    def _may_answer(self) -> bool:
        if self.cycle is None:
            return True
        if self._in_head:  # the cycle is that of the request before
            return self.cycle.response_complete
        return not self.cycle.response_started
