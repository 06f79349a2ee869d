from dataclasses import replace

import numpy as np
import pytest
import torch
from torch_training import train

from wave_network.baselines.bag import BagOfEmbeddings
from wave_network.baselines.encoder import EncoderClassifier, pretrained_embeddings
from wave_network.baselines.transformer import TransformerLayer
from wave_network.config import PRESETS
from wave_network.errors import ConfigError, ModelFolderError
from wave_network.experiments import models, running
from wave_network.experiments.models import (
    MODELS,
    build_model,
    input_embedding,
    parameter_counts,
    train_config,
)
from wave_network.experiments.tasks import load_task
from wave_network.models.torch_logits import predict_probabilities
from wave_network.models.wave.network import WaveNetwork

every_model = pytest.mark.parametrize("name", MODELS)


@pytest.fixture
def task(options):
    return load_task(options, "ag_news", 0)


def make(name, task, options):
    torch.manual_seed(0)
    return build_model(name, task, options)


def test_names():
    expected = "wave-modulation wave-interference phase-blind bag transformer bert"
    assert " ".join(MODELS) == expected


@every_model
def test_every_model_trains_and_answers(name, task, options):
    model = make(name, task, options)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    few = task.training.select(np.arange(64))
    result = train(model, few, task.validation, train_config(name, options, seed=0))
    assert len(result.history) == 1
    assert all(
        not torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True)
    )
    probabilities = predict_probabilities(model, task.test)
    assert probabilities.shape == (80, 4)
    assert np.isfinite(probabilities).all()


@every_model
def test_the_same_seed_gives_the_same_start(name, task, options):
    first, second = (make(name, task, options).state_dict() for _ in range(2))
    assert all(torch.equal(first[key], second[key]) for key in first)


@every_model
def test_the_answer_does_not_depend_on_the_batch(name, task, options):
    model = make(name, task, options)
    together = predict_probabilities(model, task.test)
    some = task.test.select(np.array([7, 3]))
    np.testing.assert_allclose(predict_probabilities(model, some), together[[7, 3]], atol=1e-6)


def test_shapes_are_the_papers(task, options):
    built = {name: make(name, task, options) for name in MODELS}
    for name, kind in {"wave-modulation": WaveNetwork, "bag": BagOfEmbeddings}.items():
        assert type(built[name]) is kind
    assert isinstance(built["transformer"], TransformerLayer)
    assert isinstance(built["bert"], EncoderClassifier)
    assert built["wave-modulation"].config.operation == "modulation"
    assert built["wave-interference"].config.operation == "interference"
    assert built["phase-blind"].config.operation == "modulation"
    assert built["phase-blind"].config.readout == "magnitude"
    for name in MODELS[:4]:
        config = built[name].config
        assert config.hidden_size == 768
        assert config.positions == "sinusoidal"
        assert config.labels == task.classes
        assert config.vocab_size == task.tokenizer.vocab_size
        assert config.cls_token_id == task.tokenizer.cls_token_id
        assert config.max_length == 128
    for name in MODELS[4:]:
        assert built[name].max_length == 128
        assert task.tokenizer.tokens([built[name].sep_token_id]) == ["[SEP]"]
        assert torch.equal(
            input_embedding(built[name]).weight, pretrained_embeddings(options.encoder)
        )


def test_parameter_counts(task, options):
    vocabulary = task.tokenizer.vocab_size
    counts = {name: parameter_counts(make(name, task, options)) for name in MODELS}
    wave = {"total": 2_366_212 + 768 * vocabulary, "embedding": 768 * vocabulary}
    assert counts["wave-modulation"] == counts["wave-interference"] == counts["bag"] == wave
    # |M| is one number where [Re, Im] are two, so its feed-forward has half as many columns.
    assert counts["phase-blind"] == {**wave, "total": wave["total"] - 768 * 768}
    for name in ("transformer", "bert"):
        assert counts[name]["embedding"] == 24 * vocabulary
        assert counts[name]["total"] > counts[name]["embedding"]
    with pytest.raises(TypeError, match="Linear"):
        parameter_counts(torch.nn.Linear(2, 2))


def test_model_options_replace_the_papers(task, options):
    changed = build_model("wave-modulation", task, options, hidden_size=16, pooling="mean")
    assert (changed.config.hidden_size, changed.config.pooling) == (16, "mean")
    assert changed.config.positions == "sinusoidal"
    for name in ("transformer", "bert"):
        with pytest.raises(ConfigError, match=f'"{name}" has no option hidden_size'):
            build_model(name, task, options, hidden_size=16)


@pytest.mark.parametrize("name", ["transformer", "bert"])
def test_without_an_encoder_the_error_names_the_option(name, task, options, monkeypatch):
    monkeypatch.setattr(models, "find_encoder", lambda options: None)
    message = f'"{name}" needs a pretrained encoder.*with encoder$'
    with pytest.raises(ModelFolderError, match=message):
        build_model(name, task, options)
    assert isinstance(build_model("bag", task, options, hidden_size=8), BagOfEmbeddings)


def test_unknown_models_are_refused(task, options):
    for make in (
        lambda: build_model("lstm", task, options),
        lambda: train_config("lstm", options, seed=0),
    ):
        with pytest.raises(ConfigError, match='no model "lstm": take one of wave-modulation, '):
            make()


@pytest.mark.parametrize("name", MODELS[:5])
def test_training_is_the_papers(name, options):
    free = replace(options, epochs=None)
    expected = replace(PRESETS["paper"].train, seed=7, device="cpu")
    found = train_config(name, free, seed=7)
    assert found == expected
    assert (found.epochs, found.batch_size, found.learning_rate) == (4, 64, 1e-3)
    assert (found.schedule, found.warmup, found.max_grad_norm) == ("constant", 0.0, None)
    assert (found.token_dropout, found.min_steps) == (0.0, 0)


def test_bert_is_fine_tuned_the_usual_way(options):
    found = train_config("bert", replace(options, epochs=None), seed=0)
    assert (found.epochs, found.batch_size, found.learning_rate) == (4, 32, 2e-5)
    assert (found.schedule, found.warmup, found.max_grad_norm) == ("linear", 0.1, 1.0)
    assert (found.token_dropout, found.min_steps, found.weight_decay) == (0.0, 0, 0.01)


def test_whose_epochs_count(options):
    free = replace(options, epochs=None)
    assert train_config("bag", free, seed=0, epochs=9).epochs == 9
    assert train_config("bag", replace(options, epochs=2), seed=0, epochs=9).epochs == 2
    with pytest.raises(ConfigError, match="epochs"):
        train_config("bag", replace(options, epochs=0), seed=0)


def test_overrides_go_before_everything(options):
    found = train_config("bert", options, seed=0, batch_size=8, max_grad_norm=None)
    assert (found.batch_size, found.max_grad_norm) == (8, None)


def test_the_encoder_is_trained_in_bfloat16_where_the_processor_computes_it(
    options, task, monkeypatch
):
    trained = []
    monkeypatch.setattr(running, "build_model", lambda name, *_: name)
    monkeypatch.setattr(running, "TorchModel", lambda name: name)
    monkeypatch.setattr(
        running, "train", lambda name, _, __, config, *___, **____: trained.append((name, config))
    )
    for able in (False, True):
        monkeypatch.setattr("torch.cpu.get_capabilities", lambda able=able: {"avx512_bf16": able})
        for name in ("transformer", "bert"):
            running.train_on(task, name, options, seed=0)
    assert [(name, config.mixed_precision) for name, config in trained] == [
        *(("transformer", "no"), ("bert", "no")),
        *(("transformer", "no"), ("bert", "bf16")),
    ]
