"""What the options of `fasttext supervised` become here, and what has no counterpart, and why."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from wave_network.errors import ConfigError


class _Counterpart(NamedTuple):
    """What becomes of an option: a parameter of `train`, or none, and why."""

    explanation: str
    parameter: str | None = None
    read: Callable[[str], Any] = str
    takes_value: bool = True


_PRESET: Final = "the preset decides; --preset tiny, small or large"

OPTIONS: Final[Mapping[str, _Counterpart]] = {
    "input": _Counterpart("DATA", "data"),
    "output": _Counterpart("--output, a folder", "output", Path),
    "autotune-validation": _Counterpart("--validation: it chooses the best epoch", "validation"),
    "epoch": _Counterpart(
        "--epochs, at most: the epoch that validates best is kept", "epochs", int
    ),
    "seed": _Counterpart("--seed", "seed", int),
    "lr": _Counterpart("left out: a step of SGD says nothing of AdamW's (--learning-rate)"),
    "lrUpdateRate": _Counterpart("left out: the rate falls with every step"),
    "wordNgrams": _Counterpart("left out: pairs of tokens are always read, longer ones never"),
    "bucket": _Counterpart(f"left out: {_PRESET}"),
    "dim": _Counterpart(f"left out: {_PRESET}"),
    "minn": _Counterpart("left out: rare words are spelt from learnt pieces"),
    "maxn": _Counterpart("left out: rare words are spelt from learnt pieces"),
    "minCount": _Counterpart("left out: the most frequent words fill the vocabulary"),
    "minCountLabel": _Counterpart("left out: every label is learnt"),
    "t": _Counterpart("left out: token dropout does what dropping frequent words does"),
    "ws": _Counterpart("left out: of no meaning in fastText's supervised training, either"),
    "neg": _Counterpart("left out: the whole softmax is computed"),
    "loss": _Counterpart(
        "left out: the whole softmax is computed, or where a line has several labels each by"
        " itself (ova)"
    ),
    "label": _Counterpart("left out: labels are marked by __label__"),
    "thread": _Counterpart("left out: set the variable OMP_NUM_THREADS"),
    "pretrainedVectors": _Counterpart("left out: training starts at the texts' latent semantics"),
    "saveOutput": _Counterpart("left out: the folder holds all there is", takes_value=False),
    "verbose": _Counterpart("left out"),
    "autotune-metric": _Counterpart("left out: `wave-network tune --metric` chooses by one"),
    "autotune-predictions": _Counterpart("left out"),
    "autotune-duration": _Counterpart("left out: `wave-network tune --time` searches as long"),
    "autotune-modelsize": _Counterpart("left out: `wave-network tune --max-size` keeps to one"),
}
"""Every option of `fasttext supervised`, by its name without the dash."""

_PROGRAMS: Final = ("fasttext", "supervised")


@dataclass(frozen=True)
class Translation:
    """A fastText command line in our terms.

    Attributes:
        parameters: Parameters of `train`, and their values.
        explanations: For each option given: as it was given, and what becomes of it.
    """

    parameters: Mapping[str, Any]
    explanations: tuple[tuple[str, str], ...]


def translate(command: str) -> Translation:
    """Translate what follows `fasttext supervised`; with or without these words.

    Raises:
        ConfigError: If it is no such command line, or has labels that are marked otherwise.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ConfigError(f"--from-fasttext-args: {error}: {command}") from None
    while words and Path(words[0]).name in _PROGRAMS:
        words.pop(0)
    parameters: dict[str, Any] = {}
    explanations = []
    remaining = iter(words)
    for word in remaining:
        counterpart = OPTIONS.get(word.lstrip("-")) if word.startswith("-") else None
        if counterpart is None:
            raise ConfigError(f"--from-fasttext-args: {word!r} is no option of fasttext supervised")
        value = next(remaining, None) if counterpart.takes_value else ""
        if value is None:
            raise ConfigError(f"--from-fasttext-args: {word} has no value")
        if word.lstrip("-") == "label" and value != "__label__":
            raise ConfigError(f"--from-fasttext-args: {word} {value}: mark labels by __label__")
        explanations.append((f"{word} {value}".strip(), counterpart.explanation))
        if counterpart.parameter is not None:
            parameters[counterpart.parameter] = _read(counterpart, word, value)
    return Translation(parameters, tuple(explanations))


def _read(counterpart: _Counterpart, word: str, value: str) -> Any:  # noqa: ANN401
    try:
        return counterpart.read(value)
    except ValueError:
        raise ConfigError(f"--from-fasttext-args: {word} {value} is not a whole number") from None
