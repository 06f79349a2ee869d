"""Translation of `fasttext supervised` options: their counterparts here, or why there is none."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from wave_network.config import PRESETS, LocalWaveConfig, Ngram
from wave_network.errors import ConfigError, option_name


class Counterpart(NamedTuple):
    """What an option becomes: a parameter of ours, or none, and the explanation."""

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

OPTIONS: Final[Mapping[str, Counterpart]] = {
    "input": Counterpart("DATA", "data"),
    "output": Counterpart("--output, a folder", "output", Path),
    "autotune-validation": Counterpart("--validation, to choose the best epoch by", "validation"),
    "epoch": Counterpart(
        "--epochs, a maximum: the epoch with the best validation accuracy is kept", "epochs", int
    ),
    "seed": Counterpart("--seed", "seed", int),
    "lr": Counterpart("ignored: rates for SGD do not fit AdamW (see --learning-rate)"),
    "lrUpdateRate": Counterpart("ignored: the preset sets the learning rate of every step"),
    "wordNgrams": Counterpart(_word_ngrams()),
    "bucket": Counterpart(_SIZE),
    "dim": Counterpart(_SIZE),
    "minn": Counterpart(_SUBWORDS),
    "maxn": Counterpart(_SUBWORDS),
    "minCount": Counterpart(
        "ignored: the vocabulary holds the most frequent words (paper: BERT's vocabulary)"
    ),
    "minCountLabel": Counterpart("ignored: every label is learnt"),
    "t": Counterpart(
        "ignored: token dropout does what dropping frequent words does (paper: neither)"
    ),
    "ws": Counterpart("ignored: it has no effect in fastText's supervised training either"),
    "neg": Counterpart("ignored: the full softmax is computed"),
    "loss": Counterpart(
        "ignored: the full softmax is computed; for lines with several labels, a sigmoid per"
        " label (ova)"
    ),
    "label": Counterpart("ignored: labels start with __label__"),
    "thread": Counterpart("--threads", "threads", int),
    "pretrainedVectors": Counterpart("--vectors", "vectors"),
    "saveOutput": Counterpart("ignored: the model folder is complete", takes_value=False),
    "verbose": Counterpart("ignored"),
    "autotune-metric": Counterpart("ignored: use `wave-network tune --metric`"),
    "autotune-predictions": Counterpart("ignored"),
    "autotune-duration": Counterpart("ignored: use `wave-network tune --time`"),
    "autotune-modelsize": Counterpart("ignored: use `wave-network tune --max-size`"),
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


def paired(
    words: Iterable[str],
    table: Mapping[str, Counterpart] = OPTIONS,
    command: str = "supervised",
) -> list[tuple[str, str]]:
    """Pair the options of a command line with their values; "" for one that takes none.

    Args:
        words: The command line, without the command.
        table: The options that the command has.
        command: The command.

    Raises:
        ConfigError: If an option is unknown or has no value.
    """
    pairs = []
    remaining = iter(words)
    for word in remaining:
        counterpart = table.get(word.lstrip("-")) if word.startswith("-") else None
        if counterpart is None:
            raise ConfigError(f"{word!r} is not an option of fasttext {command}")
        value = next(remaining, None) if counterpart.takes_value else ""
        if value is None:
            raise ConfigError(f"{word} has no value")
        pairs.append((word, value))
    return pairs


def translated(
    options: Iterable[tuple[str, str]], table: Mapping[str, Counterpart] = OPTIONS
) -> Translation:
    """Translate options of a command of fastText.

    Args:
        options: Each with its dash, and its value; "" for one that takes none.
        table: The options that the command has.

    Raises:
        ConfigError: As `translate`.
    """
    parameters: dict[str, Any] = {}
    explanations = []
    for option, value in options:
        counterpart = table[option.lstrip("-")]
        if option.lstrip("-") == "label" and value != "__label__":
            raise ConfigError(f"{option} {value}: labels must start with __label__")
        explanations.append((f"{option} {value}".strip(), counterpart.explanation))
        if counterpart.parameter is not None:
            parameters[counterpart.parameter] = _read(counterpart, option, value)
    return Translation(parameters, tuple(explanations))


def _read(counterpart: Counterpart, option: str, value: str) -> Any:  # noqa: ANN401
    try:
        return counterpart.read(value)
    except ValueError:
        raise ConfigError(f"{option} {value} is not a whole number") from None


def _refused(reason: str) -> ConfigError:
    return ConfigError(f"{option_name('from_fasttext_args')}: {reason}")
