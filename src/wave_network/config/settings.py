"""Training settings as a JSON file, which `tune` writes and `train --config` reads.

The file holds one flat object: `preset`, `vocab_size`, and fields of the model's configuration and
of `TrainConfig`. A field that is missing or null takes the preset's value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from stat import S_ISREG
from typing import Any, Final

from wave_network.config import Preset, TrainConfig, get_preset, override
from wave_network.errors import ConfigError, first_line, in_a_file

DEFAULT_PRESET: Final = "small"

_LARGEST_FILE: Final = 2**24  # bytes

_OF_THE_DATA: Final = ("labels", "vocab_size", "cls_token_id")
"""Fields of a model's configuration that the training texts determine."""


def customize(preset: Preset, values: Mapping[str, Any]) -> Preset:
    """Change some settings of a preset.

    Args:
        preset: The preset to change.
        values: New values by name: `vocab_size`, fields of the model's configuration and fields of
            `TrainConfig`. None keeps the preset's value. See `override` for epochs and batch size.

    Raises:
        ConfigError: If a name is unknown or a value is not allowed.
    """
    given = {name: value for name, value in values.items() if value is not None}
    model_fields = {item.name for item in fields(preset.config)}.difference(_OF_THE_DATA)
    train_fields = {item.name for item in fields(TrainConfig)}
    for name, value in given.items():
        if name != "vocab_size" and name not in model_fields | train_fields:
            raise ConfigError(_unknown(name, preset, model_fields | train_fields))
        if isinstance(value, bool) and name not in ("calibrate", "refit", "keep_vocabulary"):
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
    """Refuse a model configuration that is wrong for any texts.

    Raises:
        ConfigError: Naming the field.
    """
    preset.config(
        labels=("any", "other"), vocab_size=preset.vocab_size, cls_token_id=0, **preset.model
    )


def read_settings(path: Path, preset: str | None = None) -> Preset:
    """Read a settings file: its preset, changed by its other settings.

    Args:
        path: A JSON file.
        preset: Use this preset instead of the file's.

    Raises:
        ConfigError: If the file does not exist, is not a JSON object, or a setting is wrong.
    """
    try:
        status = path.stat()
        # A pipe or a device could be waited for without end.
        if not S_ISREG(status.st_mode) or status.st_size > _LARGEST_FILE:
            raise OSError("it is no file, or a very large one")
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist: give a file of settings") from None
    except (OSError, ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else first_line(error)
        raise ConfigError(f"{path} cannot be read as JSON: {reason}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} is not a JSON object of settings")
    if "model_type" in values:
        raise ConfigError(f"{path} describes a model: give a file of settings, as `tune` writes")
    named = values.pop("preset", None)
    try:
        with in_a_file():
            name = preset or (DEFAULT_PRESET if named is None else named)
            return customize(get_preset(name), values)
    except (ConfigError, TypeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _unknown(name: str, preset: Preset, known: set[str]) -> str:
    from difflib import get_close_matches

    if name in _OF_THE_DATA:
        return f"{name!r} cannot be set: it follows from the training texts"
    close = get_close_matches(name, [*known, "preset", "vocab_size"], n=1)
    hint = f"did you mean {close[0]!r}?" if close else "the documentation of TrainConfig lists them"
    return f"the preset {preset.name} has no setting {name!r}: {hint}"
