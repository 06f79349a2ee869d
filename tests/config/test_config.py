import json
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest

from wave_network.config import (
    PRESETS,
    FastTextConfig,
    LocalWaveConfig,
    ModelConfig,
    TrainConfig,
    get_preset,
    override,
)
from wave_network.data.labels import labelling_of
from wave_network.errors import ConfigError
from wave_network.models.registry import FAMILIES

SMALLEST = {"labels": ("a", "b"), "vocab_size": 10, "cls_token_id": 0}
MULTI_LABEL = {"problem_type": "multi_label_classification"}
every_architecture = pytest.mark.parametrize(
    "make", [ModelConfig, LocalWaveConfig], ids=lambda made: made.__name__
)


def refusal(make, *arguments, **values):
    with pytest.raises(ConfigError) as caught:
        make(*arguments, **values)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"labels": (0, 1, -5)},
        {"labels": ("1", "01", "ß")},
        {
            "hidden_size": 7,
            "operation": "interference",
            "readout": "imaginary",
            "pooling": "mean",
            "positions": "learned",
            "variants": "linear",
            "num_layers": 3,
            "levels": ("sentence", "input"),
            "dropout": 0.5,
            "max_length": 2,
        },
    ],
)
def test_model_config_survives_json(values):
    config = ModelConfig(**{**SMALLEST, **values})
    again = ModelConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config
    assert [type(label) for label in again.labels] == [type(label) for label in config.labels]
    assert hash(again) == hash(config)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"labels": (0, 1, -5)},
        {
            "max_length": 2,
            "operation": "interference",
            "initializer_range": 0.25,
            "hidden_size": 7,
            "bigram_buckets": 101,
            "bigram_size": 3,
            "feed_forward_size": 5,
            "members": 4,
            "linear_size": 300,
            "linear_ngrams": ("pair", "skip-pair", "triple"),
        },
        {"linear_size": 300, "sparse_linear_size": 30},
    ],
)
def test_local_wave_config_survives_json(values):
    config = LocalWaveConfig(**{**SMALLEST, **values})
    written = json.loads(json.dumps(config.to_dict()))
    left_out = set() if values.get("sparse_linear_size") else {"sparse_linear_size"}
    assert set(written) == {field.name for field in fields(LocalWaveConfig)} - left_out
    again = LocalWaveConfig.from_dict(written)
    assert again == config
    assert [type(label) for label in again.labels] == [type(label) for label in config.labels]
    assert hash(again) == hash(config)
    for name, value in values.items():
        assert getattr(again, name) == value


def test_older_files_without_ngrams_mean_pairs():
    values = LocalWaveConfig(**SMALLEST, linear_ngrams=("pair", "triple")).to_dict()
    del values["linear_ngrams"]
    assert LocalWaveConfig.from_dict(values).linear_ngrams == ("pair",)


def test_older_files_without_levels_mean_the_input():
    values = ModelConfig(**SMALLEST).to_dict()
    del values["levels"]
    assert ModelConfig.from_dict(values).levels == ("input", "input")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"operation": "sum"}, "operation must be one of modulation, interference; got 'sum'"),
        ({"readout": "phase"}, "readout must be one of concat, magnitude, real, imaginary"),
        ({"pooling": "max"}, "pooling must be one of cls, mean"),
        ({"positions": "rotary"}, "positions must be one of learned, sinusoidal, none"),
        ({"variants": "both"}, "variants must be one of linear, embedding"),
        ({"levels": ("input", "sentence")}, "levels must be one of"),
        ({"hidden_size": 0}, "hidden_size must be at least 1; got 0"),
        ({"hidden_size": 12.5}, "hidden_size must be a whole number; got 12.5"),
        ({"num_layers": 0}, "num_layers must be between 1 and 1000"),
        ({"num_layers": "2"}, "num_layers must be a whole number; got '2'"),
        ({"vocab_size": 0}, "vocab_size must be at least 1"),
        ({"max_length": 1}, "max_length must be at least 2; got 1"),
        ({"cls_token_id": 10}, "cls_token_id must be between 0 and 9; got 10"),
        ({"cls_token_id": -1}, "cls_token_id must be between 0 and 9; got -1"),
        ({"dropout": 1.0}, "dropout must be between 0.0 and 0.99; got 1.0"),
        ({"dropout": -0.1}, "dropout must be between"),
        ({"dropout": float("nan")}, "dropout must be a finite number; got nan"),
        ({"initializer_range": -1.0}, "initializer_range must be at least 0.0"),
        ({"initializer_range": float("inf")}, "initializer_range must be a finite number"),
        ({"labels": ("a",)}, "at least two labels, not ['a']"),
        ({"labels": ("a", "b", "a")}, "the labels are not distinct"),
        ({"num_layers": 2}, 'variants="embedding" has no second layer'),
    ],
)
def test_model_config_refuses(values, message):
    assert message in refusal(ModelConfig, **{**SMALLEST, **values})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"operation": "sum"}, "operation must be one of modulation, interference; got 'sum'"),
        ({"hidden_size": 0}, "hidden_size must be at least 1; got 0"),
        ({"hidden_size": 12.5}, "hidden_size must be a whole number; got 12.5"),
        ({"bigram_buckets": 0}, "bigram_buckets must be at least 1; got 0"),
        ({"bigram_buckets": 1e5}, "bigram_buckets must be a whole number; got 100000.0"),
        ({"bigram_size": 0}, "bigram_size must be at least 1"),
        ({"bigram_size": None}, "bigram_size must be a whole number; got None"),
        ({"feed_forward_size": -1}, "feed_forward_size must be at least 1; got -1"),
        ({"feed_forward_size": "64"}, "feed_forward_size must be a whole number; got '64'"),
        ({"members": 0}, "members must be at least 1; got 0"),
        ({"members": 1.5}, "members must be a whole number; got 1.5"),
        ({"linear_ngrams": ("pair", "word")}, "linear_ngrams must be one of pair, skip-pair, trip"),
        ({"linear_ngrams": ("triple",)}, 'linear_ngrams must include "pair"'),
        ({"linear_ngrams": ("pair", "pair")}, "linear_ngrams must not repeat a kind of n-gram"),
        ({"linear_ngrams": "pair"}, "linear_ngrams must be a list; got 'pair'"),
        ({"initializer_range": 0}, "initializer_range must be above 0"),
        ({"initializer_range": -0.1}, "initializer_range must be at least 0.0"),
        ({"initializer_range": float("nan")}, "initializer_range must be a finite number"),
        ({"vocab_size": 0}, "vocab_size must be at least 1"),
        ({"max_length": 1}, "max_length must be at least 2; got 1"),
        ({"cls_token_id": 10}, "cls_token_id must be between 0 and 9; got 10"),
        ({"labels": ("a",)}, "at least two labels, not ['a']"),
        ({"labels": ("a", "b", "a")}, "the labels are not distinct"),
    ],
)
def test_local_wave_config_refuses(values, message):
    assert message in refusal(LocalWaveConfig, **{**SMALLEST, **values})


@every_architecture
def test_from_dict_refuses_what_it_does_not_know(make):
    values = make(**SMALLEST).to_dict()
    message = refusal(make.from_dict, {**values, "attention_heads": 12})
    assert message == "unknown model field 'attention_heads': made by a newer version?"


def test_an_architecture_refuses_the_fields_of_another():
    wave, local = ModelConfig(**SMALLEST).to_dict(), LocalWaveConfig(**SMALLEST).to_dict()
    assert "unknown model field 'bigram_buckets'" in refusal(ModelConfig.from_dict, local)
    assert "unknown model field 'dropout'" in refusal(LocalWaveConfig.from_dict, wave)


@every_architecture
@pytest.mark.parametrize("name", ["labels", "vocab_size", "cls_token_id"])
def test_from_dict_needs_what_has_no_default(make, name):
    values = make(**SMALLEST).to_dict()
    del values[name]
    assert name in refusal(make.from_dict, values)


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [
        (ModelConfig, "labels", 3),
        (ModelConfig, "labels", [[1], [2]]),
        (ModelConfig, "levels", 5),
        (ModelConfig, "vocab_size", None),
        (ModelConfig, "dropout", "x"),
        (LocalWaveConfig, "labels", 3),
        (LocalWaveConfig, "labels", [[1], [2]]),
        (LocalWaveConfig, "members", [1]),
        (LocalWaveConfig, "bigram_size", "x"),
    ],
)
def test_from_dict_refuses_what_is_of_another_type(make, name, value):
    values = make(**SMALLEST).to_dict()
    assert refusal(make.from_dict, {**values, name: value})


def test_architectures_by_name():
    architectures = {name: family.config for name, family in FAMILIES.items()}
    assert architectures == {
        "wave": ModelConfig,
        "local-wave": LocalWaveConfig,
        "fasttext": FastTextConfig,
    }
    for name, make in architectures.items():
        assert make.architecture == name
    for make in (ModelConfig, LocalWaveConfig):
        assert "architecture" not in make(**SMALLEST).to_dict()


def test_only_a_level_of_sentences_needs_the_sentences():
    assert ModelConfig(**SMALLEST, levels=("sentence", "input")).reads_sentences
    assert not ModelConfig(**SMALLEST).reads_sentences
    assert not LocalWaveConfig(**SMALLEST).reads_sentences


def test_embedding_size_holds_both_variants_where_they_are_stored():
    config = ModelConfig(**SMALLEST, hidden_size=6)
    assert config.embedding_size == 12
    assert replace(config, variants="linear").embedding_size == 6
    assert config.num_labels == 2


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1; got 0"),
        ({"epochs": 1.5}, "epochs must be a whole number; got 1.5"),
        ({"min_steps": -1}, "min_steps must be at least 0"),
        ({"min_steps": 0.5}, "min_steps must be a whole number"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"learning_rate": 0}, "learning_rate must be above 0, not 0"),
        ({"learning_rate": -1e-3}, "learning_rate must be above 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be a finite number"),
        ({"learning_rate": float("inf")}, "learning_rate must be a finite number"),
        ({"learning_rate": "fast"}, "learning_rate must be a finite number; got 'fast'"),
        ({"weight_decay": -0.1}, "weight_decay must be at least 0.0"),
        ({"warmup": 1.0}, "warmup must be between 0.0 and 0.99"),
        ({"schedule": "cosine"}, "schedule must be one of constant, linear"),
        ({"max_grad_norm": 0.0}, "max_grad_norm must be above 0"),
        ({"token_dropout": 1.0}, "token_dropout must be between"),
        ({"label_smoothing": -0.1}, "label_smoothing must be between"),
        ({"distillation_weight": 1.1}, "distillation_weight must be between"),
        ({"distillation_temperature": 0.0}, "distillation_temperature must be above 0"),
        ({"patience": 0}, "patience must be at least 1"),
        ({"patience": 1.5}, "patience must be a whole number"),
        ({"validation_fraction": 0.0}, "validation_fraction must be between 0.01 and 0.9"),
        ({"validation_fraction": 1.0}, "validation_fraction must be between"),
        ({"seed": -1}, "seed must be between 0 and 4294967295"),
        ({"seed": 2**32}, "seed must be between"),
        ({"device": "tpu"}, "device must be one of auto, cpu, cuda, mps; got 'tpu'"),
    ],
)
def test_train_config_refuses(values, message):
    assert message in refusal(TrainConfig, **values)


def test_numpys_numbers_become_pythons():
    """A search over `np.arange` gives them, and a model folder's JSON must hold them."""
    train = TrainConfig(
        epochs=np.int64(3),
        patience=np.int32(2),
        seed=np.uint32(7),
        learning_rate=np.float32(0.5),
        max_grad_norm=np.float32(2),
    )
    assert json.loads(json.dumps(train.to_dict())) == train.to_dict()
    assert (train.epochs, train.patience, train.seed, train.learning_rate) == (3, 2, 7, 0.5)
    model = ModelConfig(**SMALLEST, max_length=np.int64(9), dropout=np.float32(0.25))
    assert json.loads(json.dumps(model.to_dict())) == model.to_dict()
    local = LocalWaveConfig(
        **SMALLEST, members=np.int64(3), bigram_size=np.uint8(2), initializer_range=np.float32(0.5)
    )
    assert json.loads(json.dumps(local.to_dict())) == local.to_dict()
    assert (local.members, local.bigram_size, local.initializer_range) == (3, 2, 0.5)


def test_train_config_is_plain_json_and_frozen():
    config = TrainConfig(patience=2, max_grad_norm=None)
    assert TrainConfig(**json.loads(json.dumps(config.to_dict()))) == config
    with pytest.raises(FrozenInstanceError):
        config.epochs = 3


def test_override_keeps_what_is_none():
    config = TrainConfig(epochs=5, seed=3)
    changed = override(config, epochs=None, seed=4, patience=None, batch_size=8)
    assert (changed.epochs, changed.seed, changed.patience, changed.batch_size) == (5, 4, None, 8)
    assert config.seed == 3
    assert override(config, seed=0).seed == 0
    assert "epochs" in refusal(override, config, epochs=0)


def test_given_epochs_are_meant_exactly():
    config = TrainConfig(epochs=5, min_steps=100)
    assert override(config, epochs=2).min_steps == 0
    assert override(config, epochs=2, min_steps=7).min_steps == 7
    assert override(config, seed=2).min_steps == 100


def test_given_batches_are_meant_exactly():
    config = TrainConfig(max_batch_size=512)
    assert override(config, batch_size=64).max_batch_size is None
    assert override(config, epochs=2).max_batch_size == 512


@pytest.mark.parametrize(
    ("texts", "batch_size"),
    [(1, 100), (8_333, 100), (8_334, 200), (16_666, 200), (16_667, 400), (10**6, 400)],
)
def test_many_texts_come_in_larger_batches_at_a_higher_rate(texts, batch_size):
    config = TrainConfig(epochs=6, batch_size=100, max_batch_size=500, learning_rate=0.002)
    assert config.batch_size_for(texts) == batch_size
    assert config.learning_rate_for(texts) == pytest.approx(
        0.002 * {100: 1, 200: 1.7411, 400: 3.0314}[batch_size], rel=1e-4
    )
    assert replace(config, max_batch_size=None).batch_size_for(texts) == 100


def test_a_training_for_so_many_texts_is_exact():
    config = TrainConfig(epochs=3, min_steps=400, batch_size=10, max_batch_size=40)
    few, many = config.for_texts(300), config.for_texts(10_000)
    assert (few.epochs, few.batch_size) == (4, 10)
    assert (many.epochs, many.batch_size) == (3, 40)
    for exact in (few, many):
        assert exact.for_texts(7) == exact.for_texts(10**6) == exact


@pytest.mark.parametrize(
    ("texts", "epochs"), [(1, 60), (10, 60), (11, 30), (200, 3), (400, 3), (500, 3), (10_000, 3)]
)
def test_few_texts_are_passed_over_more_often(texts, epochs):
    """A fifth of the steps below 200 texts, all from 1,000 texts on."""
    config = TrainConfig(epochs=3, min_steps=300, batch_size=10)
    assert config.epochs_for(texts) == epochs
    assert replace(config, min_steps=0).epochs_for(texts) == 3
    assert config.learning_rate_for(texts) == pytest.approx(4e-3 * (3 / epochs) ** 0.5)
    assert replace(config, min_steps=0).learning_rate_for(texts) == 4e-3


def test_presets_by_name():
    assert list(PRESETS) == ["small", "tiny", "large", "paper"]
    for name, preset in PRESETS.items():
        assert get_preset(name) is preset
        assert preset.name == name
        config = preset.config(**preset.model, labels=("a", "b"), vocab_size=10, cls_token_id=0)
        assert config.architecture == ("wave" if name == "paper" else "local-wave")
    message = refusal(get_preset, "huge")
    assert message == "preset must be one of small, tiny, large, paper; got 'huge'"


def test_paper_preset_is_the_papers():
    preset = get_preset("paper")
    assert preset.config is ModelConfig
    config = preset.config(**preset.model, labels=("a", "b"), vocab_size=30_522, cls_token_id=101)
    assert config.hidden_size == 768
    assert (config.num_layers, config.variants, config.pooling) == (1, "linear", "cls")
    assert (config.readout, config.operation) == ("concat", "modulation")
    assert config.positions != "none"
    train = preset.train
    assert (train.epochs, train.batch_size, train.learning_rate) == (4, 64, 1e-3)
    assert train.validation_fraction == 0.2
    assert preset.tokenizer == "google-bert/bert-base-uncased"


@every_architecture
def test_multi_label_configurations_survive_json(make):
    config = make(**SMALLEST, **MULTI_LABEL, thresholds=(0.25, 0.5))
    assert type(config).from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert config.is_multi_label
    assert labelling_of(config).label_thresholds == (0.25, 0.5)
    without = make(**SMALLEST, **MULTI_LABEL)
    assert labelling_of(without).label_thresholds == (0.5, 0.5)


@every_architecture
def test_older_files_without_a_problem_type_mean_one_label(make):
    values = make(**SMALLEST).to_dict()
    del values["problem_type"], values["thresholds"]
    assert make.from_dict(values) == make(**SMALLEST)
    assert not make.from_dict(values).is_multi_label


@every_architecture
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"problem_type": "regression"}, "problem_type must be one of single_label_class"),
        ({"thresholds": (0.5, 0.5)}, "thresholds are for multi-label models"),
        ({"thresholds": (0.5,), **MULTI_LABEL}, "1 thresholds do not fit 2 labels"),
        ({"thresholds": (0, 2), **MULTI_LABEL}, "between 0 and 1"),
        ({"thresholds": ("a", 0), **MULTI_LABEL}, "between 0 and 1"),
        ({"labels": (), **MULTI_LABEL}, "at least one label"),
    ],
)
def test_multi_label_configurations_refuse(make, values, message):
    assert message in refusal(make, **{**SMALLEST, **values})
