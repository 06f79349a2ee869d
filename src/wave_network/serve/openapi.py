"""The description of the endpoints in OpenAPI 3.1, with examples."""

from __future__ import annotations

from typing import Any, Final

from wave_network._version import __version__
from wave_network.serve.limits import Limits

_LABEL: Final = {"type": ["string", "number", "boolean"]}
_SCORES: Final = {"type": "object", "additionalProperties": {"type": "number"}}

_PREDICTION: Final = {
    "type": "object",
    "description": "What `wave-network predict` answers for a text, without the text.",
    "properties": {
        "label": {
            **_LABEL,
            "type": [*_LABEL["type"], "null"],
            "description": "The most probable label; null below the threshold.",
        },
        "score": {"type": "number", "description": "Its probability."},
        "scores": {**_SCORES, "description": "The top_k labels; multi-label: the labels' scores."},
        "labels": {
            "type": "array",
            "items": _LABEL,
            "description": "With coverage, the prediction set; multi-label: the labels.",
        },
        "out_of_scope": {"type": "number", "description": "How unusual the text is, from 0 to 1."},
        "log_odds": {"type": "number"},
        "baseline": {"type": "number", "description": "The log-odds of an empty text."},
        "explanation": {
            "type": "array",
            "description": "Each token's share of the log-odds, and its place in the text.",
            "items": {
                "type": "object",
                "required": ["token", "start", "end", "attribution", "energy"],
                "properties": {
                    "token": {"type": "string"},
                    "start": {"type": "integer"},
                    "end": {"type": "integer"},
                    "attribution": {"type": "number"},
                    "energy": {"type": "number"},
                },
            },
        },
    },
}

_MODEL: Final = {
    "type": "object",
    "required": ["name", "version", "preset", "multi_label", "labels"],
    "properties": {
        "name": {"type": "string"},
        "version": {"type": "string", "description": "Changes when the folder is replaced."},
        "preset": {"type": "string"},
        "multi_label": {"type": "boolean"},
        "labels": {"type": "array", "items": _LABEL},
    },
}

_ERROR: Final = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string", "description": "What is wrong, and what to do."}},
}

_REFUSALS: Final = {
    400: "The body is not JSON.",
    408: "The request did not arrive whole in time; without a body.",
    413: "The body, the number of texts, or a text is too large.",
    415: "The body is not declared as JSON, or is compressed.",
    422: "A field is unknown or has a wrong value, or the model cannot answer it.",
    429: "Too many texts wait already. Retry-After says when to ask again.",
    500: "A bug of the service.",
    503: "The request waited too long.",
}

_EXAMPLES: Final[dict[str, tuple[dict[str, Any], list[dict[str, Any]]]]] = {
    "one text": (
        {"text": "Oil prices jump as OPEC cuts output"},
        [{"label": "Business", "score": 0.97}],
    ),
    "two texts, with scores": (
        {"texts": ["A late goal wins the cup", "Rain"], "top_k": 2, "threshold": 0.5},
        [
            {"label": "Sports", "score": 0.99, "scores": {"Sports": 0.99, "World": 0.006}},
            {"label": None, "score": 0.41, "scores": {"World": 0.41, "Sci/Tech": 0.34}},
        ],
    ),
    "is it a text of this kind?": (
        {"text": "Add salt and stir", "out_of_scope": True, "coverage": 0.9},
        [
            {
                "label": "Sci/Tech",
                "score": 0.52,
                "labels": ["Sci/Tech", "World", "Business"],
                "out_of_scope": 0.99,
            }
        ],
    ),
}


def description(limits: Limits) -> dict[str, Any]:
    """Describe the service.

    Args:
        limits: What it takes at most.
    """
    named = {
        "name": "name",
        "in": "path",
        "required": True,
        "schema": {"type": "string"},
        "description": "The model's name, as /v1/models has it.",
    }
    predict = _predict("predict", "Classify texts with the first model")
    by_name = _predict("predictWithModel", "Classify texts with a model")
    by_name = {
        **by_name,
        "parameters": [named],
        "responses": {**by_name["responses"], "404": _error("There is no such model.")},
    }
    ready = {"200": _json("Ready.", {"type": "object"}), "503": _json("Ends.", {"type": "object"})}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Wave Network",
            "version": __version__,
            "description": "Text classification. If the service has keys, every path but "
            "/healthz and /readyz needs one.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/v1/predict": {"post": predict},
            "/v1/models/{name}/predict": {"post": by_name},
            "/v1/models": {"get": _get("models", "List the models", _list_of_models())},
            "/healthz": {"get": _get("health", "Whether the process lives", {"type": "object"})},
            "/readyz": {
                "get": {
                    "operationId": "ready",
                    "summary": "Whether requests should come here",
                    "security": [],
                    "responses": ready,
                }
            },
            "/metrics": {
                "get": {
                    "operationId": "metrics",
                    "summary": "Metrics in the text format of Prometheus",
                    "responses": {
                        "200": {
                            "description": "The metrics.",
                            "content": {"text/plain": {"schema": {"type": "string"}}},
                        }
                    },
                }
            },
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Question": _question(limits),
                "Prediction": _PREDICTION,
                "Model": _MODEL,
                "Error": _ERROR,
            },
        },
        "security": [{}, {"key": []}],
    }


def _question(limits: Limits) -> dict[str, Any]:
    text = {"type": "string", "maxLength": limits.characters}
    return {
        "type": "object",
        "oneOf": [{"required": ["text"]}, {"required": ["texts"]}],
        "additionalProperties": False,
        "properties": {
            "text": text,
            "texts": {"type": "array", "items": text, "minItems": 1, "maxItems": limits.texts},
            "top_k": {
                "type": ["integer", "null"],
                "minimum": 1,
                "description": "Add the scores of so many labels.",
            },
            "threshold": {
                "type": ["number", "null"],
                "minimum": 0,
                "maximum": 1,
                "description": "Abstain below this score; multi-label: drop labels below it.",
            },
            "coverage": {
                "type": ["number", "null"],
                "exclusiveMinimum": 0,
                "exclusiveMaximum": 1,
                "description": "Add the prediction set with this coverage.",
            },
            "explain": {"type": ["boolean", "null"], "description": "Add each token's share."},
            "out_of_scope": {
                "type": ["boolean", "null"],
                "description": "Add how unusual the text is.",
            },
        },
    }


def _predict(name: str, summary: str) -> dict[str, Any]:
    answer = {
        "type": "object",
        "required": ["model", "version", "predictions"],
        "properties": {
            "model": {"type": "string"},
            "version": {"type": "string", "description": "Of the model that answered all texts."},
            "predictions": {
                "type": "array",
                "description": "One for each text, in their order.",
                "items": {"$ref": "#/components/schemas/Prediction"},
            },
        },
    }
    asked = {example: {"value": question} for example, (question, _) in _EXAMPLES.items()}
    answered = {
        example: {"value": {"model": "news", "version": "940a12613698", "predictions": found}}
        for example, (_, found) in _EXAMPLES.items()
    }
    content = {"schema": {"$ref": "#/components/schemas/Question"}, "examples": asked}
    success = _json("The answers.", answer)
    success["content"]["application/json"]["examples"] = answered
    return {
        "operationId": name,
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {
            "200": success,
            **{str(status): _error(text) for status, text in _REFUSALS.items()},
        },
    }


def _get(name: str, summary: str, schema: dict[str, Any]) -> dict[str, Any]:
    responses = {"200": _json(f"{summary}.", schema)}
    return {"operationId": name, "summary": summary, "responses": responses}


def _list_of_models() -> dict[str, Any]:
    models = {"type": "array", "items": {"$ref": "#/components/schemas/Model"}}
    return {"type": "object", "required": ["models"], "properties": {"models": models}}


def _json(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _error(text: str) -> dict[str, Any]:
    return _json(text, {"$ref": "#/components/schemas/Error"})
