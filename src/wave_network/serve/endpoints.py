"""The endpoints: what each answers."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from wave_network._version import __version__
from wave_network.errors import WaveNetworkError, listed
from wave_network.export.web import PAGE
from wave_network.serve.encoding import encode
from wave_network.serve.metrics import CONTENT_TYPE
from wave_network.serve.models import ServedModel
from wave_network.serve.openapi import description
from wave_network.serve.playground import Playground
from wave_network.serve.questions import parse
from wave_network.serve.refusal import RefusedError
from wave_network.serve.service import Service
from wave_network.serve.waiting import Place

NO_SUCH_PATH: Final = "no such path: see /openapi.json"

_JSON: Final = "application/json"
_KINDS: Final = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".json": _JSON,
}
_OF_PAGES: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",  # the model may be replaced
}


def json_response(
    value: object, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Answer with JSON."""
    return Response(encode(value), status, headers, _JSON)


class Endpoints:
    """The endpoints of one worker; the name of each is its label in logs and metrics.

    Args:
        service: The worker.
        log_texts: Whether texts stand in the log.
    """

    def __init__(self, service: Service, *, log_texts: bool) -> None:
        self._service = service
        self._log_texts = log_texts
        self._openapi = description(service.limits)
        self._playground = Playground(next(iter(service.models.values())))

    async def predict(self, request: Request) -> Response:
        """Answer texts, in their order."""
        service = self._service
        _check_type(request)
        model = self._model(request.path_params.get("name"))
        with Place(service.waiting) as place:
            question = parse(await self._body(request, place), service.limits)
            place.add_texts(len(question.texts))
            loaded = model.loaded  # it may be replaced meanwhile
            try:
                predictions = await service.batcher.answer(loaded.engine, question)
            except WaveNetworkError as error:  # what this model cannot answer
                raise RefusedError(422, str(error)) from error
        service.metrics.texts.labels(model.name).inc(len(question.texts))
        said: dict[str, Any] = {"model": model.name, "version": loaded.version}
        request.scope["log"] = {**said, "texts": len(question.texts)}
        if self._log_texts:
            request.scope["log"]["given"] = question.texts
        body = encode(said)[:-1] + b', "predictions": ' + predictions + b"}"
        return Response(body, media_type=_JSON)

    async def models(self, request: Request) -> Response:
        """List the models."""
        return json_response(
            {"models": [model.describe() for model in self._service.models.values()]}
        )

    async def health(self, request: Request) -> Response:
        """Say that the process lives."""
        return json_response({"status": "ok"})

    async def ready(self, request: Request) -> Response:
        """Say whether requests should come here, and whether each model is the one on disk."""
        draining = self._service.draining
        models = {
            model.name: {
                "version": model.loaded.version,
                "reload": "failed: the log says why" if model.failure else "ok",
            }
            for model in self._service.models.values()
        }
        status = "draining" if draining else "ready"
        return json_response({"status": status, "models": models}, 503 if draining else 200)

    async def metrics(self, request: Request) -> Response:
        """Return the metrics of all workers for Prometheus."""
        return Response(self._service.metrics.page(), headers={"Content-Type": CONTENT_TYPE})

    async def openapi(self, request: Request) -> Response:
        """Describe the endpoints in OpenAPI."""
        return json_response(self._openapi)

    def page(self, request: Request) -> Response:
        """Return a file of the playground; without one for this model, name the service."""
        name = request.url.path.rpartition("/")[2] or PAGE
        content = self._playground.file(name)
        if content is not None:
            kind = _KINDS.get(PurePosixPath(name).suffix, "application/octet-stream")
            return Response(content, headers=_OF_PAGES, media_type=kind)
        if name != PAGE:
            raise RefusedError(404, NO_SUCH_PATH)
        said = {"service": "wave-network", "version": __version__, "openapi": "/openapi.json"}
        return json_response(said, headers={"Content-Security-Policy": "default-src 'none'"})

    def _model(self, name: str | None) -> ServedModel:
        """Return a model; without a name the first one."""
        models = self._service.models
        if name is None:
            return next(iter(models.values()))
        if name not in models:
            raise RefusedError(404, f"no such model: there is {listed(list(models))}")
        return models[name]

    async def _body(self, request: Request, place: Place) -> bytes:
        """Read the body, as far as it may go."""
        most = self._service.limits.body_bytes
        too_long = RefusedError(413, f"the body is too long: send at most {most:,} bytes")
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > most:
            raise too_long
        parts = []
        async for part in request.stream():
            parts.append(part)
            if place.add_bytes(len(part)) > most:
                raise too_long
        return b"".join(parts)


def _check_type(request: Request) -> None:
    """Refuse what is not JSON. A page of another site cannot send JSON without being allowed to."""
    if "upgrade" in request.headers:  # the parser takes the body for the other protocol's
        raise RefusedError(
            400,
            "send HTTP/1.1 without the header Upgrade; Java's HttpClient does with "
            ".version(HttpClient.Version.HTTP_1_1)",
        )
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _JSON:
        raise RefusedError(415, f"send JSON, with the header Content-Type: {_JSON}")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise RefusedError(415, "the body is compressed: send it without Content-Encoding")
