"""Training with the archived module's arguments: it trains a model of ours."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from wave_network.config import TrainConfig
from wave_network.errors import ConfigError
from wave_network.fasttext.arguments import Translation, translated
from wave_network.fasttext.ours import WaveModel

logger = logging.getLogger(__name__)

ARGUMENTS: Final[Mapping[str, Any]] = {
    "input": None,
    "lr": 0.1,
    "dim": 100,
    "ws": 5,
    "epoch": 5,
    "minCount": 1,
    "minCountLabel": 0,
    "minn": 0,
    "maxn": 0,
    "neg": 5,
    "wordNgrams": 1,
    "loss": "softmax",
    "bucket": 2_000_000,
    "thread": None,
    "lrUpdateRate": 100,
    "t": 1e-4,
    "label": "__label__",
    "verbose": 2,
    "pretrainedVectors": "",
    "seed": 0,
    "autotuneValidationFile": "",
    "autotuneMetric": "f1",
    "autotunePredictions": 1,
    "autotuneDuration": 300,
    "autotuneModelSize": "",
}
"""The arguments of `train_supervised` in their order, and their defaults in the archived module."""

_OLDER_NAMES: Final = {
    "min_count": "minCount",
    "word_ngrams": "wordNgrams",
    "lr_update_rate": "lrUpdateRate",
    "label_prefix": "label",
    "pretrained_vectors": "pretrainedVectors",
}
_OPTIONS: Final = {
    "autotuneValidationFile": "autotune-validation",
    "autotuneMetric": "autotune-metric",
    "autotunePredictions": "autotune-predictions",
    "autotuneDuration": "autotune-duration",
    "autotuneModelSize": "autotune-modelsize",
}
_LOSSES: Final = ("ns", "hs", "softmax", "ova")
_said: set[str] = set()


def train_supervised(*args: Any, **kwargs: Any) -> WaveModel:  # noqa: ANN401
    """Train a classifier on a file of labelled lines.

    It takes the arguments of the archived module, `ARGUMENTS`, and trains our `small`. Those that
    have no meaning for it are ignored, and a log message says so once; `Coming from fastText` in
    the documentation lists what becomes of each. Those not given are left to the preset.

    Args:
        args: The arguments in their order, the file first.
        kwargs: The arguments by name.

    Raises:
        TypeError: If an argument is unknown, or given twice.
        ConfigError: If a value is wrong, or labels have another prefix than `__label__`.
        DataError: If the data cannot be used.
    """
    given = by_name(args, kwargs, ARGUMENTS)
    if not given.get("input"):
        raise ConfigError("give a file of labelled lines: train_supervised(input=...)")
    if given.get("loss", "softmax") not in _LOSSES:
        raise ConfigError("Unrecognized loss name")
    pairs = [
        (f"-{_OPTIONS.get(name, name)}", str(value)) for name, value in given.items() if value != ""
    ]
    translation = translated(pairs)
    say_once(translation)
    with TemporaryDirectory() as place:
        return trained(translation.parameters, Path(place, "model"))


def trained(parameters: Mapping[str, Any], output: Path) -> WaveModel:
    """Train a model, write its folder, and return it.

    Args:
        parameters: As in `Translation.parameters`.
        output: The folder to write; a model folder that is there is replaced.

    Raises:
        WaveNetworkError: If an option, the data or the output cannot be used.
    """
    from wave_network.data.sources import read_training_data
    from wave_network.persistence.folder import read_history, read_model
    from wave_network.training.options import choose_preset
    from wave_network.training.recipe import Recipe
    from wave_network.training.run import train_model

    splits = read_training_data(parameters["data"], validation=parameters.get("validation"))
    known = TrainConfig.__dataclass_fields__
    recipe = Recipe.of(
        choose_preset(None, {}),
        train_options={name: value for name, value in parameters.items() if name in known},
        model_options={},
        threads=parameters.get("threads"),
    )
    train_model(splits, recipe, output, overwrite=True)
    return WaveModel(read_model(output), read_history(output))


def by_name(
    args: Iterable[Any], kwargs: Mapping[str, Any], known: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of a call by name, older names as the newer ones.

    Args:
        args: Those in their order.
        kwargs: Those by name.
        known: All that there are, in their order.

    Raises:
        TypeError: If one is unknown, or given twice.
    """
    positional = list(zip(known, args, strict=False))
    given: dict[str, Any] = {}
    for spelt, value in (*positional, *kwargs.items()):
        name = _OLDER_NAMES.get(spelt, spelt)
        if name not in known:
            raise TypeError(f"unexpected keyword argument '{spelt}'")
        if name in given:
            raise TypeError(f"multiple values for argument '{name}'")
        given[name] = value
    return given


def say_once(translation: Translation) -> None:
    """Log what becomes of the arguments, each once in a process."""
    for given, becomes in translation.explanations:
        line = f"{given}: {becomes}"
        if becomes.startswith("ignored:") and line not in _said:
            _said.add(line)
            logger.warning("%s", line)
