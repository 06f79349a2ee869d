"""Choose the preset to train with, and check options that need each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wave_network.config import Preset, get_preset
from wave_network.config.settings import DEFAULT_PRESET, read_settings
from wave_network.errors import ConfigError, option_name

if TYPE_CHECKING:
    from wave_network.persistence.folder import ModelFiles


def choose_preset(
    name: str | None,
    model_options: Mapping[str, Any],
    tokenizer: str | None = None,
    *,
    base: ModelFiles | None = None,
    settings: Path | None = None,
) -> Preset:
    """Return the preset of that name, of a settings file, or of the model to continue.

    Args:
        name: The preset asked for; None: that of the model or the file, or the default.
        model_options: Fields of the model's configuration that were asked for.
        tokenizer: The tokenizer asked for.
        base: The model to continue.
        settings: A settings file, see `read_settings`.

    Raises:
        ConfigError: If the preset or the settings are wrong, or do not fit the model to continue.
    """
    if base is None:
        if settings is None:
            return get_preset(name or DEFAULT_PRESET)
        return read_settings(settings, name)
    if settings is not None:
        raise ConfigError(
            f"{option_name('config')} describes a new model: leave it out with "
            f"{option_name('base_model')}, and give settings of the training as options "
            f"({option_name('epochs')}, {option_name('learning_rate')}, ...)"
        )
    from wave_network.training.continual import continued_preset  # slow, and seldom needed

    return continued_preset(base, name, model_options, tokenizer)


def check_together(
    train_options: Mapping[str, Any], *, replay: object = None, unlabeled: object = None
) -> None:
    """Refuse options that have no effect without another one.

    Args:
        train_options: Fields of `TrainConfig` that were asked for; None: not asked for.
        replay: The data to replay, if any.
        unlabeled: The unlabelled texts, if any.

    Raises:
        ConfigError: Naming the option that is missing.
    """
    teacher, base = option_name("teacher"), option_name("base_model")
    no_teacher = train_options["teacher"] is None
    from_scratch = train_options["base_model"] is None
    if replay is not None and from_scratch:
        raise ConfigError(
            f"{option_name('replay')} is for continued training: name the model to continue with "
            f"{base}"
        )
    if unlabeled is not None and no_teacher and not from_scratch:
        raise ConfigError(
            f"{option_name('unlabeled')} with {base} needs a teacher to label the texts: name one "
            f"with {teacher} (the model to continue can be its own), or leave {base} out"
        )
    if train_options["distillation_weight"] is not None and no_teacher and from_scratch:
        raise ConfigError(
            f"{option_name('distillation_weight')} needs {teacher} or {base}: give one of them"
        )
