"""Pretraining on the bundled sample's texts: short, but with every part."""

import json
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from wave_network.config import wave_lm
from wave_network.config.wave_lm import PretrainConfig, Size
from wave_network.data import read_texts
from wave_network.errors import ConfigError, OutputError
from wave_network.persistence.language_model import read_language_model
from wave_network.runtime.language_model import LanguageModel
from wave_network.training.checkpoint import Epochs
from wave_network.training.pretraining import loop
from wave_network.training.pretraining.run import pretrain
from wave_network.training.unfinished import Unfinished

CONFIG = PretrainConfig(steps=16, window=48, batch_size=4, learning_rate=0.01)


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    from wave_network.data import read_splits

    path = tmp_path_factory.mktemp("texts") / "texts.jsonl"
    rows = read_splits("sample").train["text"][:150]
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in rows))
    return path


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    small = Size(400, hidden_size=24, num_layers=2, feed_forward_size=32)
    monkeypatch.setattr(wave_lm, "SIZES", {"1m": small})
    monkeypatch.setattr("wave_network.training.pretraining.run.SIZES", {"1m": small})


def weights(folder):
    return (folder / "model.safetensors").read_bytes()


def records(folder):
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(texts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "lm"
    small = Size(400, hidden_size=24, num_layers=2, feed_forward_size=32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wave_network.training.pretraining.run.SIZES", {"1m": small})
        summary = pretrain([texts], folder, config=CONFIG)
    return folder, summary


def test_it_learns(whole):
    folder, summary = whole
    history = records(folder)
    assert history[0]["train_bits_per_byte"] > history[-1]["train_bits_per_byte"]
    assert 1.0 < summary["validation"]["bits_per_byte"] < 4.6  # untrained: about log2(400) / 2
    assert (summary["steps"], summary["documents"]) == (16, 150)
    assert summary["interrupted"] is False
    assert json.loads((folder / "metrics.json").read_text())["validation"] == summary["validation"]


def test_the_model_is_read_and_scores_as_training_validated_it(whole):
    folder, summary = whole
    files = read_language_model(folder)
    assert files.config.hidden_size == 24
    assert files.training["steps"] == 16
    model = LanguageModel(files)
    assert model.parameters == summary["parameters"]
    assert "".join(model.generate("The", tokens=5, seed=1))


def test_validation_is_the_score_of_the_texts_held_out(whole, texts):
    folder, summary = whole
    held_out = read_texts(texts)["text"]
    model = LanguageModel.load(folder)
    scores = [model.score(held_out[number]) for number in (49, 99, 149)]
    bits = sum(score.bits for score in scores) / sum(score.bytes for score in scores)
    assert bits == pytest.approx(summary["validation"]["bits_per_byte"], rel=1e-6)


class Killed(BaseException):
    """Stands for the end of the process."""


def test_a_masked_model_learns_and_validation_is_its_score(texts, tmp_path):
    folder, config = tmp_path / "lm", replace(CONFIG, objective="masked")
    summary = pretrain([texts], folder, config=config)
    history = records(folder)
    assert history[0]["train_bits_per_byte"] > history[-1]["train_bits_per_byte"]
    model, held_out = LanguageModel.load(folder), read_texts(texts)["text"]
    assert model.config.masked
    scores = [model.score(held_out[number]) for number in (49, 99, 149)]
    bits = sum(score.bits for score in scores) / sum(score.bytes for score in scores)
    assert bits == pytest.approx(summary["validation"]["bits_per_byte"], rel=1e-6)
    assert 1.0 < bits < 4.6


@pytest.mark.parametrize("objective", ["causal", "masked"])
def test_killed_and_resumed_it_ends_with_the_same_weights(
    objective, whole, texts, tmp_path, monkeypatch
):
    if objective == "masked":
        config = replace(CONFIG, objective=objective)
        whole = (tmp_path / "whole", pretrain([texts], tmp_path / "whole", config=config))
    else:
        config = CONFIG
    folder, steps = tmp_path / "lm", 0
    take = loop.PretrainingRun._step

    def killed(run):
        nonlocal steps
        steps += 1
        if steps > 13:
            raise Killed
        return take(run)

    monkeypatch.setattr(loop.PretrainingRun, "_step", killed)
    with pytest.raises(Killed):
        pretrain([texts], folder, config=config, unfinished=Unfinished(folder, 0.0, "pretrain"))
    monkeypatch.setattr(loop.PretrainingRun, "_step", take)
    pretrain([texts], folder, config=config, unfinished=Unfinished(folder, 1e9, "pretrain"))
    assert weights(folder) == weights(whole[0])
    found, expected = records(folder), records(whole[0])
    assert [{**one, "seconds": 0} for one in found] == [{**one, "seconds": 0} for one in expected]


def test_a_checkpoint_of_other_texts_is_not_used_and_the_seed_gives_the_same_weights(
    whole, texts, tmp_path, caplog
):
    folder, state = tmp_path / "lm", torch.random.get_rng_state()
    unfinished = Unfinished(folder, Epochs(1), "pretrain")
    checkpoints = next(unfinished.checkpoints())
    checkpoints.folder.mkdir(parents=True)
    (checkpoints.folder / "state.json").write_text('{"run": "another"}')
    pretrain([texts], folder, config=CONFIG, unfinished=unfinished)
    assert "training starts again" in caplog.text
    assert weights(folder) == weights(whole[0])
    assert (torch.random.get_rng_state() == state).all()


def test_ctrl_c_keeps_the_model_so_far(texts, tmp_path, monkeypatch, ctrl_c):
    take = loop.PretrainingRun._step

    def pressed(run):
        if run._done == 4:
            ctrl_c()
        return take(run)

    monkeypatch.setattr(loop.PretrainingRun, "_step", pressed)
    summary = pretrain([texts], tmp_path / "lm", config=CONFIG)
    assert (summary["interrupted"], summary["steps"]) == (True, 5)
    assert LanguageModel.load(tmp_path / "lm").parameters == summary["parameters"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_with_checkpoints_ctrl_c_stores_the_state(whole, texts, tmp_path, monkeypatch, ctrl_c):
    folder, take = tmp_path / "lm", loop.PretrainingRun._step

    def pressed(run):
        if run._done == 4:
            ctrl_c()
        return take(run)

    monkeypatch.setattr(loop.PretrainingRun, "_step", pressed)
    with pytest.raises(KeyboardInterrupt):
        pretrain([texts], folder, config=CONFIG, unfinished=Unfinished(folder, 1e9, "pretrain"))
    assert not folder.exists()
    monkeypatch.setattr(loop.PretrainingRun, "_step", take)
    pretrain([texts], folder, config=CONFIG, unfinished=Unfinished(folder, 1e9, "pretrain"))
    assert weights(folder) == weights(whole[0])


def test_each_epoch_is_validated(texts, tmp_path):
    few = tmp_path / "few.jsonl"
    few.write_text("".join(texts.read_text().splitlines(keepends=True)[:50]))
    summary = pretrain([few], tmp_path / "lm", config=PretrainConfig(epochs=2))
    history = records(tmp_path / "lm")
    ends = [record for record in history if "validation_bits_per_byte" in record]
    assert [record["epoch"] for record in ends] == [1]
    assert np.isfinite(ends[0]["validation_bits_per_byte"])
    assert summary["steps"] == history[-1]["step"]


def test_training_that_diverges_ends_at_once(texts, tmp_path, monkeypatch):
    monkeypatch.setattr(loop.PretrainingSteps, "step", lambda self, examples: float("nan"))
    with pytest.raises(ConfigError, match="diverged at step 1: lower learning_rate"):
        pretrain([texts], tmp_path / "lm", config=CONFIG)
    assert not (tmp_path / "lm").exists()


def test_ctrl_c_in_the_last_validation_loses_nothing(texts, tmp_path, monkeypatch, ctrl_c):
    validate = loop.PretrainingRun._validation

    def pressed(run):
        ctrl_c()
        return validate(run)

    monkeypatch.setattr(loop.PretrainingRun, "_validation", pressed)
    config = PretrainConfig(steps=2, window=64, batch_size=2)
    assert pretrain([texts], tmp_path / "lm", config=config)["steps"] == 2
    assert LanguageModel.load(tmp_path / "lm").parameters > 0


def test_a_model_whose_place_was_taken_is_kept_elsewhere(texts, tmp_path, monkeypatch):
    validate = loop.PretrainingRun._validation

    def taken(run):
        (tmp_path / "lm").mkdir()
        return validate(run)

    monkeypatch.setattr(loop.PretrainingRun, "_validation", taken)
    config = PretrainConfig(steps=2, window=64, batch_size=2)
    with pytest.raises(OutputError, match=r"lm exists.*the model is kept in .*lm-2"):
        pretrain([texts], tmp_path / "lm", config=config)
    assert LanguageModel.load(tmp_path / "lm-2").parameters > 0


def test_an_output_that_is_there_is_refused_before_the_work(whole):
    with pytest.raises(OutputError, match="exists"):
        pretrain(["no such file.txt"], whole[0])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": "9m"}, "size must be one of"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"learning_rate": 0.0}, "learning_rate must be"),
        ({"window": 0}, "window must be"),
    ],
)
def test_wrong_options_are_refused(options, said):
    with pytest.raises(ConfigError, match=said):
        PretrainConfig(**options)
