"""The norms while training, and the predictions checked by automatic differentiation."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from wave_network import ops
from wave_network.experiments import gradient_norms, gradients, predictions, tasks
from wave_network.experiments.gradient_norms import InputGradients
from wave_network.experiments.models import build_model, input_embedding
from wave_network.experiments.study import Study, grouped
from wave_network.experiments.tasks import load_task
from wave_network.ops import Wave
from wave_network.training.optimizer import build_optimizers

CODINGS = {"formulas": predictions.paper_formulas, "fast path": predictions.fast_path}
codings = pytest.mark.parametrize("represent", CODINGS.values(), ids=CODINGS.keys())


def prepared(name, options):
    """A model in evaluation mode, and a few training texts."""
    task = load_task(options, "ag_news", 0)
    torch.manual_seed(0)
    return build_model(name, task, options).eval(), task.training.select(np.arange(5))


def mean_loss(logits, batch):
    return F.cross_entropy(logits, batch.labels)


@pytest.mark.parametrize("name", gradients.MODELS)
def test_watching_changes_neither_the_logits_nor_the_tables_gradient(name, options):
    model, texts = prepared(name, options)
    batch = texts.to_torch()
    table = input_embedding(model).weight
    expected = model(batch)
    mean_loss(expected, batch).backward()
    gradient, table.grad = table.grad, None
    with InputGradients(model) as inputs:
        logits = inputs.classify(batch)
        mean_loss(logits, batch).backward()
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(table.grad, gradient)
    assert inputs.gradient().shape[-1] == table.shape[1]
    assert not input_embedding(model)._forward_hooks  # nothing is watched any more


@pytest.mark.parametrize("name", gradients.MODELS)
def test_norms_are_the_means_over_texts_classified_alone(name, options):
    model, texts = prepared(name, options)
    batch = texts.to_torch()
    with InputGradients(model) as inputs:
        mean_loss(inputs.classify(batch), batch).backward()
    norms = gradient_norms.input_norms(inputs.gradient(), inputs.offsets)
    cls, whole = [], []
    for text in range(len(texts)):
        alone = texts.select(np.array([text])).to_torch()
        with InputGradients(model) as inputs:
            (mean_loss(inputs.classify(alone), alone) / len(texts)).backward()
        gradient = inputs.gradient().flatten(0, -2)  # (tokens, width)
        cls.append(gradient[0].norm().item())
        whole.append(gradient.norm().item())
    assert norms["cls"] == pytest.approx(np.mean(cls), rel=1e-4)
    assert norms["text"] == pytest.approx(np.mean(whole), rel=1e-4)
    shares = np.array(cls) ** 2 / np.array(whole) ** 2
    assert norms["cls_share"] == pytest.approx(shares.mean(), rel=1e-3)


def test_a_table_with_sparse_gradients_can_be_watched(options):
    model, texts = prepared("wave-modulation", options)
    build_optimizers(model, gradients_config(options), torch.device("cpu"))
    batch = texts.to_torch()
    with InputGradients(model) as inputs:
        mean_loss(inputs.classify(batch), batch).backward()
    assert model.embedding.weight.grad.is_sparse
    by_id = torch.zeros_like(model.embedding.weight).index_add(0, batch.ids, inputs.gradient())
    torch.testing.assert_close(model.embedding.weight.grad.to_dense(), by_id)


def gradients_config(options):
    from wave_network.experiments.models import train_config

    return train_config("wave-modulation", options, seed=0)


def test_measure_and_section(study, monkeypatch):
    monkeypatch.setattr(gradient_norms, "STEPS", 4)
    monkeypatch.setattr(gradient_norms, "BERT_STEPS_ON_CPU", 2)
    gradients.measure(study)
    norms = [row for row in study.rows("gradients") if row["part"] == "norms"]
    steps = {model: len(rows) for (model,), rows in grouped(norms, ("model",)).items()}
    assert steps == {"wave-modulation": 4, "wave-interference": 4, "transformer": 4, "bert": 2}
    for row in norms:
        assert 0 < row["cls"] <= row["text"] < math.inf
        assert row["classifier"] > 0
        assert 0 < row["cls_share"] <= 1
    section = gradients.section(study)
    assert "missing" not in section.protocol
    assert [len(table.rows) for table in section.tables] == [4, 10, 4, 7]
    assert len(section.plots) == 1
    assert "All 10 predictions hold to rounding" in section.findings[0]
    assert "6 of 7 codings" in section.findings[2]


def test_fewer_texts_make_fewer_steps(options, study, monkeypatch):
    few = Study(replace(options, limit=100, models=("wave-modulation",)), study.console)
    gradients.measure(few)
    norms = [row for row in few.rows("gradients") if row["part"] == "norms"]
    assert len(norms) == math.ceil(norms[0]["training_rows"] / gradient_norms.BATCH_SIZE) == 3


def test_without_an_encoder_the_waves_alone_are_measured(options, study, monkeypatch):
    monkeypatch.setattr(gradient_norms, "STEPS", 1)
    monkeypatch.setattr(tasks, "find_encoder", lambda options: None)
    alone = Study(replace(options, encoder=None), study.console)
    gradients.measure(alone)
    models = {row["model"] for row in alone.rows("gradients") if row["part"] == "norms"}
    assert models == {"wave-modulation", "wave-interference"}
    assert "no pretrained encoder" in gradients.section(alone).protocol


@codings
def test_every_prediction_holds(represent):
    for name, deviation in predictions.check_all(represent).items():
        assert deviation < 1e-12, name


@codings
@pytest.mark.parametrize("tokens", [2, 8, 33])
def test_spectral_norm_is_the_root_of_the_other_tokens(represent, tokens):
    assert predictions.spectral_norm(represent, tokens) == pytest.approx(math.sqrt(tokens - 1))


def scaled(factor):
    return lambda w: Wave(w, factor * predictions.fast_path(w).imag)


def sum_of_sizes(w):
    return Wave(w, w.abs().sum(0) - w.abs())


def test_every_prediction_would_fail_for_another_representation():
    """A context somewhat larger or smaller, or an L1 norm: each prediction notices one of them."""
    wrong = [predictions.check_all(coding) for coding in (scaled(1.1), scaled(0.9), sum_of_sizes)]
    for name in predictions.PREDICTIONS:
        assert max(deviations[name] for deviations in wrong) > 0.01, name


def test_what_the_codings_make_of_singular_texts():
    errors = {
        coding: {
            text: predictions.gradient_error(represent, w)
            for text, w in predictions.singular_texts().items()
        }
        for coding, represent in predictions.CODINGS.items()
    }
    ours = errors.pop("ours, sum over the other tokens")
    assert max(ours.values()) < 1e-6
    for coding, by_text in errors.items():
        assert by_text["generic, 40 tokens"] < 1e-6, coding
        assert not all(error < 1e-5 for error in by_text.values()), coding
    for coding in ("polar, as printed", "Cartesian, √(S - w²)"):
        for text in ("single token", "zero column", "one non-zero row"):
            assert math.isnan(errors[coding][text])
    clamped = errors["Cartesian, √(max(S - w², 0) + 1e-12)"]
    assert clamped["one token 1e4 times larger"] > 1e3


def test_the_paper_formulas_are_those_of_the_fast_path():
    w = predictions.Example.draw(9).u
    for one, other in zip(predictions.paper_formulas(w), predictions.fast_path(w), strict=True):
        torch.testing.assert_close(one, other)
    torch.testing.assert_close(predictions.context(w), ops.represent(w, torch.tensor([0, 9])).imag)
