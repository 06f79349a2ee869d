"""One description of each option: the copies that the interfaces show must be equal to it."""

import inspect
from dataclasses import fields
from typing import get_args, get_type_hints

import pytest
import typer

from wave_network import WaveClassifier
from wave_network.cli.app import build_app
from wave_network.config import (
    FEW_TEXTS,
    OPTIONS,
    PRESETS,
    ClassifierConfig,
    Operation,
    TrainConfig,
)
from wave_network.config.options import PRESET_NAMES, TRAINING_OPTIONS
from wave_network.errors import ConfigError

COMMANDS = typer.main.get_command(build_app()).commands
OF_TRAINING = set(inspect.signature(WaveClassifier).parameters)


def described(cls):
    """The `Args` or `Attributes` of a class, by name, without markup."""
    doc = inspect.getdoc(cls).replace("`", "")
    _, _, section = doc.partition("Args:\n" if "Args:\n" in doc else "Attributes:\n")
    found = {}
    for line in section.splitlines():
        name, colon, rest = line.strip().partition(": ")
        if line.startswith("    ") and not line.startswith("     ") and colon:
            found[name] = [rest]
        elif line.startswith("     "):
            found[[*found][-1]].append(line.strip())
        elif line:
            break
    return {name: " ".join(lines) for name, lines in found.items()}


def shown(command):
    """The help of a command's options, by parameter."""
    return {item.name: item.help for item in COMMANDS[command].params if hasattr(item, "help")}


def test_the_table_holds_the_fields_of_the_training_in_their_order():
    assert list(TRAINING_OPTIONS) == [item.name for item in fields(TrainConfig)]
    assert tuple(PRESETS) == PRESET_NAMES
    for name, option in OPTIONS.items():
        assert option.name == name
        assert option.help.endswith(".")


@pytest.mark.parametrize("name", TRAINING_OPTIONS)
def test_train_config_explains_each_field_with_the_tables_words(name):
    assert described(TrainConfig)[name].startswith(OPTIONS[name].help)


@pytest.mark.parametrize("name", ["operation", "max_length"])
def test_the_models_configuration_explains_its_options_with_the_tables_words(name):
    assert described(ClassifierConfig)[name].startswith(OPTIONS[name].help.rstrip("."))


@pytest.mark.parametrize("name", sorted(OF_TRAINING))
def test_the_classifier_explains_each_parameter_with_the_tables_words(name):
    option, text = OPTIONS[name], described(WaveClassifier)[name]
    assert text.startswith(option.help)
    optional = inspect.signature(WaveClassifier).parameters[name].default is None
    if optional and option.default not in ("", "the preset's", "none", "0.5"):
        assert f"None: {option.default}." in text


@pytest.mark.parametrize("name", sorted(OF_TRAINING - {"validation_fraction"}))
def test_train_explains_each_option_with_the_tables_words(name):
    parameter = "no_calibration" if name == "calibrate" else name
    text = shown("train")[parameter]
    assert text.startswith(OPTIONS[name].help)
    assert OPTIONS[name].default in text


@pytest.mark.parametrize(
    ("command", "name"), [("tune", "seed"), ("tune", "device"), ("reproduce", "device")]
)
def test_other_commands_explain_an_option_with_the_tables_words(command, name):
    assert shown(command)[name].startswith(OPTIONS[name].help)


def test_the_defaults_in_words_are_the_defaults():
    usual = TrainConfig()
    assert OPTIONS["distillation_weight"].default == str(usual.distillation_weight)
    assert OPTIONS["seed"].default == str(usual.seed)
    assert OPTIONS["device"].default == usual.device
    for preset in PRESETS.values():
        train = preset.train
        assert (train.seed, train.device, train.distillation_weight) == (0, "auto", 0.5)
        for name in ("patience", "teacher", "base_model", "class_weight"):
            assert getattr(train, name) is None
        assert train.calibrate
    assert f"{FEW_TEXTS:,} texts" in OPTIONS["refit"].default
    refits = {name: preset.train.refit for name, preset in PRESETS.items()}
    assert refits == {"small": None, "tiny": None, "large": True, "paper": False}


def test_types_say_what_the_table_allows():
    for name, kind in get_type_hints(TrainConfig).items():
        assert OPTIONS[name].optional or name == "refit" or type(None) not in get_args(kind)
    for choice in get_args(Operation):
        assert OPTIONS["operation"].checked(choice) == choice
        assert choice in OPTIONS["operation"].help


@pytest.mark.parametrize("name", ["base_model", "teacher", "tokenizer"])
def test_a_source_is_a_path_or_an_id(name, tmp_path):
    assert OPTIONS[name].checked(tmp_path) == str(tmp_path)
    assert OPTIONS[name].checked("hub:me/news") == "hub:me/news"
    assert OPTIONS[name].checked(None) is None
    with pytest.raises(ConfigError, match=f"{name} must be a path or a Hub id; got 3"):
        OPTIONS[name].checked(3)
