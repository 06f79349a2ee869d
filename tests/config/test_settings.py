import json
from dataclasses import fields

import pytest

from wave_network.config import LocalWaveConfig, ModelConfig, TrainConfig, get_preset
from wave_network.config.settings import customize, read_settings
from wave_network.errors import ConfigError


def write(path, values):
    path.write_text(values if isinstance(values, str) else json.dumps(values), encoding="utf-8")
    return path


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path):
    values = {"preset": "tiny", "vocab_size": 900, "hidden_size": 8, "learning_rate": 0.125}
    usual, preset = get_preset("tiny"), read_settings(write(tmp_path / "s.json", values))
    assert (preset.name, preset.vocab_size) == ("tiny", 900)
    assert preset.model == {**usual.model, "hidden_size": 8}
    changed = {
        item.name
        for item in fields(TrainConfig)
        if getattr(preset.train, item.name) != getattr(usual.train, item.name)
    }
    assert changed == {"learning_rate"}


def test_an_empty_file_is_the_default_preset_and_null_the_presets_value(tmp_path):
    assert read_settings(write(tmp_path / "s.json", {})) == get_preset("small")
    null = {"preset": None, "epochs": None, "vocab_size": None, "hidden_size": None}
    assert read_settings(write(tmp_path / "s.json", null)) == get_preset("small")


def test_another_preset_than_the_files(tmp_path):
    path = write(tmp_path / "s.json", {"preset": "large", "epochs": 2})
    preset = read_settings(path, "tiny")
    assert (preset.name, preset.train.epochs, preset.train.min_steps) == ("tiny", 2, 0)


def test_every_field_can_be_set():
    for name, config in (("tiny", LocalWaveConfig), ("paper", ModelConfig)):
        preset = get_preset(name)
        shape = config(labels=("a", "b"), vocab_size=3, cls_token_id=0, **preset.model).to_dict()
        of_the_data = {"labels", "vocab_size", "cls_token_id"}
        values = {key: value for key, value in shape.items() if key not in of_the_data}
        changed = customize(preset, {**values, **preset.train.to_dict()})
        assert changed.train == preset.train
        made = changed.config(labels=("a", "b"), vocab_size=3, cls_token_id=0, **changed.model)
        assert made.to_dict() == shape


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"learning_rat": 1}, "no setting 'learning_rat': did you mean 'learning_rate'"),
        ({"pooling": "cls"}, "preset small has no setting 'pooling'"),
        ({"labels": ["a", "b"]}, "'labels' cannot be set: it follows from the training texts"),
        ({"preset": "huge"}, "preset must be one of small, tiny, large, paper"),
        ({"preset": ["tiny"]}, "preset must be one of"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"epochs": True}, "epochs must not be true"),
        ({"learning_rate": "fast"}, "learning_rate must be a finite number"),
        ({"vocab_size": "all"}, "vocab_size must be a whole number"),
        ({"hidden_size": 0}, "hidden_size must be at least 1"),
        ({"model_type": "wave-network"}, "describes a model"),
        ("[1]", "is not a JSON object"),
        ("{", "cannot be read as JSON"),
    ],
)
def test_what_is_no_settings_file(tmp_path, values, message):
    path = write(tmp_path / "s.json", values)
    with pytest.raises(ConfigError, match=message) as caught:
        read_settings(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.json does not exist"):
        read_settings(tmp_path / "none.json")
