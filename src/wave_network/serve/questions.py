"""The body of a prediction request: JSON, checked by hand, with an error for each mistake."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from wave_network.data.json_values import json_kind
from wave_network.data.values import is_unicode
from wave_network.errors import listed
from wave_network.serve.limits import Limits
from wave_network.serve.refusal import RefusedError

_TEXTS: Final = ("text", "texts")
_LONGEST_NUMBER: Final = 100  # characters; Python needs quadratic time for long integers
_SHORT: Final = 2**16
"""Bytes of a body that is parsed within a few milliseconds, whatever it holds."""
_VALUES_A_TEXT: Final = 4
"""How many times more values than texts a body may have, so that other mistakes are still told."""


@dataclass(frozen=True)
class Options:
    """What to answer, by the names of `wave-network predict`'s options.

    Attributes:
        top_k: How many scores to add; None: none.
        threshold: Abstain if the probability is below it.
        coverage: The coverage of prediction sets; None: no prediction sets.
        explain: Whether to add each token's attribution.
        out_of_scope: Whether to add how unusual each text is.
    """

    top_k: int | None = None
    threshold: float = 0.0
    coverage: float | None = None
    explain: bool = False
    out_of_scope: bool = False


@dataclass(frozen=True)
class Question:
    """The texts of a request, and what to answer about each."""

    texts: list[str]
    options: Options


def parse(body: bytes, limits: Limits) -> Question:
    """Parse and check the body of a prediction request.

    Args:
        body: JSON in UTF-8: an object with "text" or "texts", and options.
        limits: The limits of texts.

    Raises:
        RefusedError: 400 if it is not JSON, 413 if there are too many texts or one is too long,
            422 if a field is unknown or has a value that it cannot have.
    """
    if len(body) > _SHORT:
        _check_values(body, limits.texts)
    fields = _object(body)
    if unknown := [name for name in fields if name not in _CHECKS and name not in _TEXTS]:
        known = ", ".join((*_TEXTS, *_CHECKS))
        raise RefusedError(422, f"unknown field {listed(unknown)}: the fields are {known}")
    texts = _texts(fields, limits)
    if len(fields) == 1:
        return Question(texts, _NO_OPTIONS)
    return Question(texts, Options(**_options(fields)))


def _check_values(body: bytes, texts: int) -> None:
    """Refuse a body of far more values than texts: parsing millions would stop all other requests.

    Up to the first mistake in the JSON, after which the parser does not read, quotes that are not
    escaped begin and end strings.
    """
    unescaped = body.replace(rb"\\", b"").replace(rb"\"", b"")
    most = _VALUES_A_TEXT * texts
    if unescaped.count(b'"') <= 2 * most:
        outside = b"".join(unescaped.split(b'"')[::2])
        if sum(map(outside.count, (b",", b"[", b"{"))) <= most:
            return
    raise RefusedError(
        413, f"the body has more than {most:,} values: send at most {texts:,} texts in a request"
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = _decoder.decode(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise RefusedError(400, f"the body is not UTF-8: byte {error.start} is wrong") from None
    except RecursionError:
        raise RefusedError(400, "the body is not JSON for this service: nested too deep") from None
    except ValueError as error:
        raise RefusedError(400, f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise RefusedError(
            422, f'the body is {json_kind(value)}: send an object with "text" or "texts"'
        )
    return value


def _texts(fields: Mapping[str, Any], limits: Limits) -> list[str]:
    if ("text" in fields) == ("texts" in fields):
        raise RefusedError(422, 'send either "text", a string, or "texts", a list of strings')
    texts = [fields["text"]] if "text" in fields else fields["texts"]
    if not isinstance(texts, list):
        raise RefusedError(422, f"texts is {json_kind(texts)}: send a list of strings")
    if not texts:
        raise RefusedError(422, "texts is empty: send at least one text")
    if len(texts) > limits.texts:
        raise RefusedError(
            413, f"{len(texts):,} texts are too many: send at most {limits.texts:,} in a request"
        )
    for number, text in enumerate(texts, start=1):
        if type(text) is not str:
            raise RefusedError(422, f"text {number} is {json_kind(text)}: send a string")
        if len(text) > limits.characters:
            raise RefusedError(
                413,
                f"text {number} has {len(text):,} characters: send at most {limits.characters:,}; "
                "models read only the beginning of long texts",
            )
        if not is_unicode(text):
            raise RefusedError(
                422, f"text {number} is not Unicode: it has one half of a surrogate pair alone"
            )
    return texts


def _options(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that are given; null means the default."""
    given = {}
    for name, value in fields.items():
        if name in _TEXTS or value is None:
            continue
        wanted, is_right = _CHECKS[name]
        if not is_right(value):
            raise RefusedError(422, f"{name} must be {wanted}; got {json_kind(value)}")
        given[name] = value
    return given


def _is_number(value: object) -> bool:
    return type(value) in (int, float)


def _is_boolean(value: object) -> bool:
    return isinstance(value, bool)


_CHECKS: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = MappingProxyType(
    {
        "top_k": ("a whole number, at least 1", lambda value: type(value) is int and value >= 1),
        "threshold": ("a number from 0 to 1", lambda value: _is_number(value) and 0 <= value <= 1),
        "coverage": ("a number between 0 and 1", lambda value: _is_number(value) and 0 < value < 1),
        "explain": ("true or false", _is_boolean),
        "out_of_scope": ("true or false", _is_boolean),
    }
)
"""The options, each with what its value must be, in words and as a check."""

_NO_OPTIONS: Final = Options()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object, but not one with a name twice: which of the values is meant?"""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name stands twice in an object")
    return made


def _number(kind: Callable[[str], float]) -> Callable[[str], float]:
    def parse_number(digits: str) -> float:
        if len(digits) > _LONGEST_NUMBER:
            raise ValueError(f"a number of {len(digits):,} characters")
        return kind(digits)

    return parse_number


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not a number of JSON")


_decoder: Final = json.JSONDecoder(
    object_pairs_hook=_once,
    parse_int=_number(int),
    parse_float=_number(float),
    parse_constant=_no_number,
)
