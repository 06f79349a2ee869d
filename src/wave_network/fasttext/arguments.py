"""Translation of `fasttext supervised` options: their counterparts here, or why there is none."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from wave_network.config import PRESETS, LocalWaveConfig, Ngram
from wave_network.errors import ConfigError, option_name


class _Counterpart(NamedTuple):
    """What an option becomes: a parameter of `train`, or none, and the explanation."""

    explanation: str
    parameter: str | None = None
    read: Callable[[str], Any] = str
    takes_value: bool = True


_NGRAM_NAMES: Final[Mapping[Ngram, str]] = {
    "pair": "bigrams",
    "skip-pair": "skip-bigrams",
    "triple": "trigrams",
}


def preset_ngrams() -> Iterator[tuple[str, tuple[Ngram, ...]]]:
    """The presets that read n-grams, and the kinds that each one reads."""
    for name, preset in PRESETS.items():
        if preset.config is LocalWaveConfig:
            yield name, preset.model["linear_ngrams"]


def _word_ngrams() -> str:
    """Which n-grams which preset reads, in words."""
    presets: dict[tuple[Ngram, ...], list[str]] = {}
    for name, kinds in preset_ngrams():
        presets.setdefault(kinds, []).append(name)
    parts = [
        f"{' and '.join(names)}: {', '.join(_NGRAM_NAMES[kind] for kind in kinds)}"
        for kinds, names in presets.items()
    ]
    return f"ignored: --preset sets the n-grams ({'; '.join(parts)}; paper: none)"


_SIZE: Final = "ignored: --preset sets the size (tiny, small, large or paper)"
_SUBWORDS: Final = "ignored: the tokenizer splits rare words into subwords"

OPTIONS: Final[Mapping[str, _Counterpart]] = {
    "input": _Counterpart("DATA", "data"),
    "output": _Counterpart("--output, a folder", "output", Path),
    "autotune-validation": _Counterpart("--validation, to choose the best epoch by", "validation"),
    "epoch": _Counterpart(
        "--epochs, a maximum: the epoch with the best validation accuracy is kept", "epochs", int
    ),
    "seed": _Counterpart("--seed", "seed", int),
    "lr": _Counterpart("ignored: rates for SGD do not fit AdamW (see --learning-rate)"),
    "lrUpdateRate": _Counterpart("ignored: the preset sets the learning rate of every step"),
    "wordNgrams": _Counterpart(_word_ngrams()),
    "bucket": _Counterpart(_SIZE),
    "dim": _Counterpart(_SIZE),
    "minn": _Counterpart(_SUBWORDS),
    "maxn": _Counterpart(_SUBWORDS),
    "minCount": _Counterpart(
        "ignored: the vocabulary holds the most frequent words (paper: BERT's vocabulary)"
    ),
    "minCountLabel": _Counterpart("ignored: every label is learnt"),
    "t": _Counterpart(
        "ignored: token dropout does what dropping frequent words does (paper: neither)"
    ),
    "ws": _Counterpart("ignored: it has no effect in fastText's supervised training either"),
    "neg": _Counterpart("ignored: the full softmax is computed"),
    "loss": _Counterpart(
        "ignored: the full softmax is computed; for lines with several labels, a sigmoid per"
        " label (ova)"
    ),
    "label": _Counterpart("ignored: labels start with __label__"),
    "thread": _Counterpart("--threads", "threads", int),
    "pretrainedVectors": _Counterpart("--vectors", "vectors"),
    "saveOutput": _Counterpart("ignored: the model folder is complete", takes_value=False),
    "verbose": _Counterpart("ignored"),
    "autotune-metric": _Counterpart("ignored: use `wave-network tune --metric`"),
    "autotune-predictions": _Counterpart("ignored"),
    "autotune-duration": _Counterpart("ignored: use `wave-network tune --time`"),
    "autotune-modelsize": _Counterpart("ignored: use `wave-network tune --max-size`"),
}
"""Every option of `fasttext supervised`, by its name without the dash."""

_PROGRAMS: Final = ("fasttext", "supervised")


@dataclass(frozen=True)
class Translation:
    """A translated fastText command line.

    Attributes:
        parameters: Parameters of `train`, and their values.
        explanations: Each option as given, and what becomes of it.
    """

    parameters: Mapping[str, Any]
    explanations: tuple[tuple[str, str], ...]


def translate(command: str) -> Translation:
    """Translate the arguments of `fasttext supervised`, with or without these two words.

    Raises:
        ConfigError: If an option is unknown or has a wrong value, or labels have another prefix
            than `__label__`.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise _refused(f"{error}: {command}") from None
    while words and Path(words[0]).name in _PROGRAMS:
        words.pop(0)
    try:
        return translated(paired(words))
    except ConfigError as error:
        raise _refused(str(error)) from None


def paired(words: Iterable[str]) -> list[tuple[str, str]]:
    """Pair the options of a command line with their values; "" for one that takes none.

    Raises:
        ConfigError: If an option is unknown or has no value.
    """
    pairs = []
    remaining = iter(words)
    for word in remaining:
        counterpart = OPTIONS.get(word.lstrip("-")) if word.startswith("-") else None
        if counterpart is None:
            raise ConfigError(f"{word!r} is not an option of fasttext supervised")
        value = next(remaining, None) if counterpart.takes_value else ""
        if value is None:
            raise ConfigError(f"{word} has no value")
        pairs.append((word, value))
    return pairs


def translated(options: Iterable[tuple[str, str]]) -> Translation:
    """Translate options of `fasttext supervised`.

    Args:
        options: Each with its dash, and its value; "" for one that takes none.

    Raises:
        ConfigError: As `translate`.
    """
    parameters: dict[str, Any] = {}
    explanations = []
    for option, value in options:
        counterpart = OPTIONS[option.lstrip("-")]
        if option.lstrip("-") == "label" and value != "__label__":
            raise ConfigError(f"{option} {value}: labels must start with __label__")
        explanations.append((f"{option} {value}".strip(), counterpart.explanation))
        if counterpart.parameter is not None:
            parameters[counterpart.parameter] = _read(counterpart, option, value)
    return Translation(parameters, tuple(explanations))


def _read(counterpart: _Counterpart, option: str, value: str) -> Any:  # noqa: ANN401
    try:
        return counterpart.read(value)
    except ValueError:
        raise ConfigError(f"{option} {value} is not a whole number") from None


def _refused(reason: str) -> ConfigError:
    return ConfigError(f"{option_name('from_fasttext_args')}: {reason}")
