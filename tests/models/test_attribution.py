"""Attributions: complete, the same in any batch, and equal to a slow reference."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ngram_hashes import pair_bucket

from wave_network import load
from wave_network.config import LocalWaveConfig
from wave_network.data import read_splits
from wave_network.errors import ConfigError, DataError
from wave_network.explain.waves import energy_shares
from wave_network.models.attribution import attribute, token_energies
from wave_network.models.gradients import log_odds, log_odds_gradient
from wave_network.models.local_wave.attribution import LocalWaveFeatures
from wave_network.models.local_wave.ngrams import ENERGY_FLOOR, ngram_buckets
from wave_network.models.registry import build_model
from wave_network.models.wave.attribution import WaveFeatures
from wave_network.runtime import Engine

TEXTS = [
    "Oil prices jump as OPEC cuts its output again.",
    "",
    "Yes",
    "The striker scored twice. Then she was sent off! Her team won all the same, 3-2, at home.",
    "ประเทศไทย हिन्दी 👩‍👩‍👧 ﬁ",
]
SHAPES = {
    "the papers'": {"variants": "linear", "positions": "sinusoidal", "hidden_size": 24},
    "interference": {"variants": "linear", "operation": "interference"},
    "stored variants, magnitude": {"readout": "magnitude", "positions": "learned"},
    "sentences, imaginary": {"levels": ("sentence", "input"), "readout": "imaginary"},
    "real part": {"readout": "real"},
    "local": {"config_class": LocalWaveConfig},
    "local, interference": {"config_class": LocalWaveConfig, "operation": "interference"},
    "local, three members": {"config_class": LocalWaveConfig, "members": 3},
    "local, a linear part of all n-grams": {
        "config_class": LocalWaveConfig,
        "members": 3,
        "linear_size": 4_000,
        "linear_ngrams": ("pair", "skip-pair", "triple"),
    },
    "local, a sparse linear part": {
        "config_class": LocalWaveConfig,
        "linear_size": 4_000,
        "linear_ngrams": ("pair", "skip-pair", "triple"),
        "sparse_linear_size": 900,
    },
    "any number of labels": {"problem_type": "multi_label_classification"},
    "local, any number of labels, three members": {
        "config_class": LocalWaveConfig,
        "members": 3,
        "problem_type": "multi_label_classification",
    },
}


@pytest.fixture(params=SHAPES.values(), ids=SHAPES)
def engine(request, make_files):
    return Engine(make_files(**request.param))


@pytest.mark.parametrize("temperature", [0.5, 3.0])
@pytest.mark.parametrize("shape", ["the papers'", "local, three members"])
def test_a_calibrated_model_is_explained_as_it_answers(make_files, shape, temperature):
    engine = Engine(replace(make_files(**SHAPES[shape]), temperature=temperature))
    empty = engine.predict_proba([""])[0].astype(float)
    for text, prediction in engine.iter_predict(TEXTS):
        explanation = engine.explain(text)
        label, score = prediction.label, prediction.score
        before = empty[engine.labels.index(label)]
        assert (explanation.label, explanation.score) == (label, pytest.approx(score, abs=1e-6))
        assert explanation.log_odds == pytest.approx(np.log(score / (1 - score)), abs=1e-3)
        assert explanation.baseline == pytest.approx(np.log(before / (1 - before)), abs=1e-3)
        change = explanation.log_odds - explanation.baseline
        total = sum(token.attribution for token in explanation.tokens)
        assert total == pytest.approx(change, abs=2e-3 * max(1, abs(change)))


def features_of(engine, ids, offsets, sentences):
    if isinstance(engine.config, LocalWaveConfig):
        return LocalWaveFeatures(engine._network, ids, offsets, ids[:1])
    return WaveFeatures(engine._network, ids, offsets, sentences)


def test_attributions_add_up_to_the_change_of_the_log_odds(engine):
    for label in (None, *engine.labels):
        for text, explanation in zip(TEXTS, engine.iter_explain(TEXTS, label), strict=True):
            change = explanation.log_odds - explanation.baseline
            total = sum(token.attribution for token in explanation.tokens)
            assert total == pytest.approx(change, abs=2e-3 * max(1, abs(change)))
            assert explanation.text == text


def test_what_is_explained_is_the_answer(engine):
    (empty,) = engine.predict([""])
    for prediction, found in zip(engine.predict(TEXTS), engine.iter_explain(TEXTS), strict=True):
        label, highest = next(iter(prediction.scores.items()))
        assert found.label == label
        assert found.score == pytest.approx(highest, rel=1e-5)
        odds = np.log(highest / (1 - highest))
        assert found.log_odds == pytest.approx(odds, rel=1e-3, abs=1e-3)
        score = empty.scores[found.label]
        assert found.baseline == pytest.approx(np.log(score / (1 - score)), rel=1e-3, abs=1e-3)


def test_a_given_label_is_explained(engine):
    prediction = engine.predict(TEXTS[:1])[0]
    for label in engine.labels:
        explanation = engine.explain(TEXTS[0], label)
        assert explanation.label == label
        assert explanation.score == pytest.approx(prediction.scores[label], rel=1e-4)


def test_the_features_give_the_networks_logits(engine):
    ids, offsets, sentences = engine._encode(TEXTS)
    features = features_of(engine, ids, offsets, sentences)
    expected = engine._network.logits(ids, offsets, sentences)
    np.testing.assert_allclose(features.logits(features.features), expected, rtol=1e-5, atol=1e-5)
    empty = engine._network.logits(*engine._encode([""]))
    np.testing.assert_allclose(features.logits(features.empty), empty, rtol=1e-5, atol=1e-5)


def test_gradients_are_those_of_small_steps(engine):
    ids, offsets, sentences = engine._encode(TEXTS)
    features = features_of(engine, ids, offsets, sentences)
    labels = np.zeros(len(TEXTS), np.int64)
    at = (features.features + features.empty) / 2
    kind = {"multi_label": engine.config.is_multi_label}
    gradient = features.gradient(at, lambda logits: log_odds_gradient(logits, labels, **kind))
    random = np.random.default_rng(0)
    for _ in range(5):
        step = random.normal(scale=1e-2, size=at.shape).astype(np.float32)
        low, high = (log_odds(features.logits(at + s * step), labels, **kind) for s in (-1, 1))
        expected = (gradient * step).sum(axis=(0, 2))
        np.testing.assert_allclose((high - low) / 2, expected, rtol=0.03, atol=2e-3)


def test_a_texts_explanation_is_the_same_alone_and_in_any_batch(engine):
    together = list(engine.iter_explain(TEXTS + TEXTS[::-1]))
    for text, *found in zip(TEXTS, together, together[: len(TEXTS) - 1 : -1], strict=False):
        alone = engine.explain(text)
        for other in found:
            assert [token.token for token in other.tokens] == [t.token for t in alone.tokens]
            for one, two in zip(alone.tokens, other.tokens, strict=True):
                assert two.attribution == pytest.approx(one.attribution, rel=1e-3, abs=1e-4)
                assert two.energy == pytest.approx(one.energy, rel=1e-5)


@pytest.mark.parametrize("operation", ["modulation", "interference"])
@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize(
    "linear",
    [
        {"linear_size": 0},
        {"linear_size": 4_000},
        {"linear_size": 4_000, "linear_ngrams": ("pair", "skip-pair")},
        {"linear_size": 4_000, "linear_ngrams": ("pair", "triple")},
        {"linear_size": 4_000, "linear_ngrams": ("triple", "skip-pair", "pair")},
    ],
    ids=str,
)
def test_the_local_network_equals_a_slow_reference(make_files, operation, members, linear):
    files = make_files(config_class=LocalWaveConfig, operation=operation, members=members, **linear)
    assert bool(files.config.linear_buckets) == bool(linear["linear_size"])
    model = build_model(files.config).double().eval()
    model.load_state_dict({k: torch.from_numpy(v) for k, v in files.tensors.items()})
    engine = Engine(files)
    for text in TEXTS:
        ids, offsets = files.tokenizer.encode([text])
        found = attribute(engine._network, ids, offsets, label=1)
        expected = _reference(model, torch.from_numpy(ids.copy()).long(), 1)
        np.testing.assert_allclose(found.tokens, expected, rtol=1e-2, atol=5e-3)


def _reference(model, ids, label):
    """Token by token, in double precision, with many steps and torch's gradients."""
    config = model.config
    u, v = model.embedding.weight[ids].detach().chunk(2, dim=1)
    size, members, n = config.hidden_size, config.members, len(ids)
    local = torch.zeros_like(u)
    if operation_is_product := config.operation == "modulation":
        local[1:] = v[1:] * u[:-1] / config.initializer_range
    else:
        local[1:] = v[1:] + u[:-1]
    pairs = torch.zeros(n, model.bigrams.weight.shape[1], dtype=torch.float64)
    pairs[1:] = model.bigrams.weight[pair_bucket(ids[:-1], ids[1:], config.bigram_buckets)].detach()
    assert operation_is_product or config.operation == "interference"

    words = torch.zeros(n, config.num_labels, dtype=torch.float64)
    ngrams = {}  # by kind, the row of the n-gram that ends at a token
    if model.linear:
        words = model.linear.tokens.weight[ids]
        for kind in config.linear_ngrams:
            buckets = ngram_buckets(kind, ids, config.linear_buckets)
            ngrams[kind] = torch.zeros_like(words)
            ngrams[kind][n - len(buckets) :] = model.linear.bigrams.weight[buckets]

    def margins(count, length):
        total = words[:count].sum(0) / length**0.5
        for rows in ngrams.values():
            total = total + rows[:count].sum(0) / max(length - 1, 1) ** 0.5
        return total + (model.linear.bias if model.linear else 0)

    def features(count, length):
        parts = [
            u[:count].sum(0) / length**0.5,
            (u[:count].square().sum(0) + ENERGY_FLOOR).sqrt(),
            (local[:count].square().sum(0) + ENERGY_FLOOR).sqrt(),
            pairs[:count].sum(0) / max(length - 1, 1) ** 0.5,
        ]
        return torch.cat([part.view(members, 1, -1) for part in parts], dim=2)

    empty, text = features(1, 1), features(n, n)
    mean = torch.zeros_like(text)
    none, all_of_it = margins(1, 1), margins(n, n)
    worth = torch.zeros_like(none)
    steps = 100
    for step in range(steps):
        point = (empty + (step + 0.5) / steps * (text - empty)).requires_grad_()
        hidden = torch.nn.functional.gelu(model.feed_forward(point), approximate="tanh")
        logits = model.classifier(model.norm(hidden)) + model.shortcut(point)
        margin = (none + (step + 0.5) / steps * (all_of_it - none)).requires_grad_()
        together = logits.softmax(dim=2).mean(dim=0)[0].log() + margin
        p = together.softmax(dim=0)[label]
        torch.log(p / (1 - p)).backward()
        mean += point.grad / steps
        worth += margin.grad / steps
    slopes = [part.reshape(-1) for part in mean.split([size, size, size, config.bigram_size], 2)]
    changes = [part.reshape(-1) for part in ((text - empty) * mean).split(size, 2)[1:3]]
    result = np.zeros(n)
    for j in range(1, n):
        plain = u[j] / n**0.5 + u[0] * (n**-0.5 - 1) / (n - 1)
        result[j] += float((plain * slopes[0]).sum())
        word = words[j] / n**0.5 + words[0] * (n**-0.5 - 1) / (n - 1)
        result[j] += float((word * worth).sum())
        result[j] += float((u[j].square() / u[1:].square().sum(0) * changes[0]).sum())
        pair = float((local[j].square() / local.square().sum(0) * changes[1]).sum())
        pair += float((pairs[j] * slopes[3]).sum()) / (n - 1) ** 0.5
        result[j] += pair / 2
        result[max(j - 1, 1)] += pair / 2
        for tokens, part in _parts_of_ngrams(ngrams, j, worth / (n - 1) ** 0.5):
            result[tokens] += part / len(tokens)
    return result


def _parts_of_ngrams(ngrams, j, worth):
    """The tokens of the n-grams that end at one, but for `[CLS]`, and what each n-gram says."""
    places = {"pair": [j - 1, j], "skip-pair": [j - 2, j], "triple": [j - 2, j - 1, j]}
    for kind, rows in ngrams.items():
        yield [place for place in places[kind] if place > 0], float((rows[j] * worth).sum())


def test_energies_are_the_waves(engine):
    ids, offsets, _ = engine._encode(TEXTS)
    found = token_energies(engine._network, ids, offsets)
    np.testing.assert_allclose(np.add.reduceat(found, offsets[:-1]), 1, rtol=1e-5)
    if engine.config.reads_sentences:
        return  # its first wave is that of a sentence; the share is the text's
    for start, stop in pairwise(offsets):
        waves = engine._network.waves(ids[start:stop], np.array([0, stop - start]))
        expected = np.mean([energy_shares(wave).mean(axis=1) for wave in waves], axis=0)
        np.testing.assert_allclose(found[start:stop], expected, rtol=1e-4, atol=1e-6)


def test_an_empty_text_has_no_tokens_and_nothing_to_explain(engine):
    explanation = engine.explain("")
    assert explanation.tokens == ()
    assert explanation.log_odds == pytest.approx(explanation.baseline, abs=1e-4)


@pytest.mark.parametrize(
    "shape", [{"pooling": "mean"}, {"num_layers": 2, "variants": "linear"}], ids=str
)
def test_other_shapes_are_refused_in_words(make_files, shape):
    with pytest.raises(ConfigError, match=r"one layer with \[CLS\] pooling can be explained"):
        Engine(make_files(**shape)).explain("a text")


def test_an_unknown_label_and_what_is_no_text_are_refused(make_files):
    engine = Engine(make_files())
    with pytest.raises(DataError, match="no label 'Wolrd': the model has 'World', 'Sports'"):
        engine.explain("a text", "Wolrd")
    with pytest.raises(DataError, match="text 0 is int"):
        engine.explain(7)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(codec=None), max_size=60))
def test_tokens_slice_any_text(make_files, text):
    engine = Engine(make_files(config_class=LocalWaveConfig))
    explanation = engine.explain(text)
    place = 0
    for token in explanation.tokens:
        assert text[token.start : token.end] == token.token
        assert place <= token.start <= token.end
        assert np.isfinite([token.attribution, token.energy]).all()
        place = token.end
    change = explanation.log_odds - explanation.baseline
    total = sum(token.attribution for token in explanation.tokens)
    assert total == pytest.approx(change, abs=2e-3 * max(1, abs(change)))


def test_a_text_longer_than_the_model_reads(make_files):
    engine = Engine(make_files(config_class=LocalWaveConfig))
    explanation = engine.explain("word " * 100_000)
    assert 0 < len(explanation.tokens) < engine.config.max_length


def test_removing_the_strongest_tokens_hurts_twice_as_much_as_removing_any(sample_model):
    engine, random = load(sample_model), np.random.default_rng(0)
    rows = read_splits("sample").test
    texts, labels = rows["text"][:150], rows["label"][:150]
    drops = []
    for text, label in zip(texts, labels, strict=True):
        ids, offsets = engine.tokenizer.encode([text])
        index = engine.labels.index(label)
        found = attribute(engine._network, ids, offsets, label=index).tokens[1:]
        removed = max(1, round(0.2 * len(found)))
        top = 1 + np.argsort(-found, kind="stable")[:removed]
        others = [1 + random.permutation(len(found))[:removed] for _ in range(5)]
        kept = [ids, *(np.delete(ids, places) for places in (top, *others))]
        logits = engine._network.logits(
            np.concatenate(kept), np.cumsum([0, *map(len, kept)])
        ).astype(np.float64)
        p = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))[:, index]
        drops.append((p[0] - p[1], p[0] - p[2:].mean()))
    ours, any_tokens = np.mean(drops, axis=0)
    assert ours > 0.05
    assert ours > 2 * any_tokens
