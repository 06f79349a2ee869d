"""A training's settings as a JSON file: what `tune` writes and `train --config` reads.

One flat object: `preset`, `vocab_size`, and fields of the model's configuration and of
`TrainConfig`, by their names. What is left out, or null, is the preset's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

from wave_network.config import Preset, TrainConfig, get_preset, override
from wave_network.errors import ConfigError

DEFAULT_PRESET: Final = "small"

_OF_THE_DATA: Final = ("labels", "vocab_size", "cls_token_id")
"""Fields of a model's configuration that the training texts decide."""


def customize(preset: Preset, values: Mapping[str, Any]) -> Preset:
    """Another preset of the same name: with other settings in places.

    Args:
        preset: Where to start.
        values: By name, `vocab_size`, fields of the model's configuration, fields of
            `TrainConfig`. None keeps the preset's. Given epochs are meant exactly.

    Raises:
        ConfigError: If there is no such name, or it cannot have that value.
    """
    given = {name: value for name, value in values.items() if value is not None}
    model_fields = {item.name for item in fields(preset.config)}.difference(_OF_THE_DATA)
    train_fields = {item.name for item in fields(TrainConfig)}
    for name, value in given.items():
        if name != "vocab_size" and name not in model_fields | train_fields:
            raise ConfigError(_unknown(name, preset, model_fields | train_fields))
        if isinstance(value, bool) and name not in ("calibrate", "refit"):
            raise ConfigError(f"{name} must not be {json.dumps(value)}")
    shape = {name: value for name, value in given.items() if name in model_fields}
    for name in ("levels", "linear_ngrams"):
        if isinstance(shape.get(name), list):
            shape[name] = tuple(shape[name])
    changed = replace(
        preset,
        model={**preset.model, **shape},
        train=override(preset.train, **{k: v for k, v in given.items() if k in train_fields}),
        vocab_size=given.get("vocab_size", preset.vocab_size),
    )
    check_shape(changed)
    return changed


def check_shape(preset: Preset) -> None:
    """Refuse a shape that no model could have, whatever the texts.

    Raises:
        ConfigError: Naming the field.
    """
    preset.config(
        labels=("any", "other"), vocab_size=preset.vocab_size, cls_token_id=0, **preset.model
    )


def read_settings(path: Path, preset: str | None = None) -> Preset:
    """The preset that a settings file names, with its settings.

    Args:
        path: A JSON file.
        preset: Take this preset, and not the file's.

    Raises:
        ConfigError: If there is no such file, it is no JSON object, or holds what is no setting.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist: give a file of settings") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds no JSON object of settings")
    if "model_type" in values:
        raise ConfigError(f"{path} describes a model: give a file of settings, as `tune` writes")
    named = values.pop("preset", None)
    try:
        return customize(get_preset(preset or named or DEFAULT_PRESET), values)
    except (ConfigError, TypeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _unknown(name: str, preset: Preset, known: set[str]) -> str:
    from difflib import get_close_matches

    if name in _OF_THE_DATA:
        return f"{name!r} cannot be set: the training texts decide it"
    close = get_close_matches(name, [*known, "preset", "vocab_size"], n=1)
    hint = f"did you mean {close[0]!r}?" if close else "see the documentation of `train --config`"
    return f"the preset {preset.name} has no setting {name!r}: {hint}"
