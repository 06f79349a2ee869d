"""The ASGI application: routes, keys, and a line in the log for each request."""

from __future__ import annotations

import time
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wave_network.serve.endpoints import NO_SUCH_PATH, Endpoints, json_response
from wave_network.serve.keys import Keys
from wave_network.serve.playground import page_names
from wave_network.serve.refusal import RefusedError
from wave_network.serve.service import Service

_OPEN: Final = frozenset(("/healthz", "/readyz"))
"""What whoever starts and stops the service asks, without a key."""
_GONE: Final = 499  # the client; of no standard, but in every log
_CLOSE: Final = (b"connection", b"close")
_QUIET: Final = frozenset(("health", "ready", "metrics"))
"""Endpoints that machines ask every few seconds: the log has them only if they fail."""


def create_app(service: Service, keys: Keys | None = None, *, log_texts: bool = False) -> ASGIApp:
    """Create the application of one worker.

    Args:
        service: What its parts share.
        keys: The keys that open it; None: it is open.
        log_texts: Whether texts stand in the log.
    """
    endpoints = Endpoints(service, log_texts=log_texts)
    app: ASGIApp = Starlette(
        routes=[
            Route("/v1/predict", endpoints.predict, methods=["POST"]),
            Route("/v1/models/{name}/predict", endpoints.predict, methods=["POST"]),
            Route("/v1/models", endpoints.models),
            Route("/healthz", endpoints.health),
            Route("/readyz", endpoints.ready),
            Route("/metrics", endpoints.metrics),
            Route("/openapi.json", endpoints.openapi),
            Route("/", endpoints.page),
            *(Route(f"/{name}", endpoints.page) for name in page_names()),
        ],
        exception_handlers={RefusedError: _refused, HTTPException: _not_found, Exception: _failed},
        lifespan=service.running,
    )
    if keys is not None:
        app = _guarded(app, keys)
    return _observed(app, service)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return json_response({"error": error.message}, error.status, dict(error.headers or {}))


async def _not_found(request: Request, error: Exception) -> Response:
    """Answer what no route takes: an unknown path, or another method."""
    assert isinstance(error, HTTPException)
    said = {404: NO_SUCH_PATH, 405: "this path takes another method"}
    message = said.get(error.status_code, error.detail)
    return json_response({"error": message}, error.status_code, dict(error.headers or {}))


async def _failed(request: Request, error: Exception) -> Response:
    return json_response({"error": "this is a bug of the service: its log says where"}, 500)


def _guarded(app: ASGIApp, keys: Keys) -> ASGIApp:
    """Refuse requests without a key."""
    refusal = json_response(
        {"error": "send a key, with the header Authorization: Bearer KEY"},
        401,
        {"WWW-Authenticate": "Bearer"},
    )

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in _OPEN:
            headers = (value for name, value in scope["headers"] if name == b"authorization")
            if not keys.accept(next(headers, b"")):
                await refusal(scope, receive, send)
                return
        await app(scope, receive, send)

    return guarded


def _observed(app: ASGIApp, service: Service) -> ASGIApp:
    """Count each request, and write it to the log."""

    async def observed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if service.draining:
                    message = {**message, "headers": [*message["headers"], _CLOSE]}
            await send(message)

        try:
            await app(scope, receive, send_observed)
        except ClientDisconnect:
            status = _GONE
        except Exception as error:
            service.log.failure(error)
            status = 500
        _note(service, scope, status, time.perf_counter() - started)

    return observed


def _note(service: Service, scope: Scope, status: int, seconds: float) -> None:
    """Count a request, and write it to the log."""
    endpoint = getattr(scope.get("endpoint"), "__name__", "none")
    service.metrics.requests.labels(endpoint, status).inc()
    service.metrics.seconds.labels(endpoint).observe(seconds)
    if endpoint in _QUIET and status < 400:
        return
    client = scope.get("client")
    service.log.write(
        "request",
        "error" if status >= 500 else "info",
        client=client[0] if client else None,
        method=scope["method"],
        endpoint=endpoint,
        status=status,
        ms=round(seconds * 1000, 2),
        **scope.get("log", {}),
    )
