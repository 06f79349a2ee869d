import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count, islice, product
from textwrap import dedent
from threading import Barrier

import numpy as np
import pytest
import torch

from wave_network.config import LocalWaveConfig, ModelConfig
from wave_network.data import read_splits
from wave_network.data.batch import PackedTexts
from wave_network.errors import ConfigError, DataError
from wave_network.models.numpy_ops import sigmoid, softmax
from wave_network.models.registry import build_model
from wave_network.models.torch_logits import predict_logits
from wave_network.persistence.folder import read_model, write_model
from wave_network.runtime import Engine, Prediction, load

SHAPES = [
    {
        "operation": operation,
        "readout": readout,
        "pooling": pooling,
        "positions": positions,
        "variants": variants,
        "num_layers": layers,
        "levels": (level, "input"),
    }
    for operation, readout, pooling, positions, (variants, layers), level in product(
        ("modulation", "interference"),
        ("concat", "magnitude", "real", "imaginary"),
        ("cls", "mean"),
        ("none", "learned", "sinusoidal"),
        (("embedding", 1), ("linear", 1), ("linear", 3)),
        ("input", "sentence"),
    )
]
PATHS = [
    shape
    for shape in SHAPES
    if (shape["operation"], shape["readout"], shape["positions"])
    == ("modulation", "concat", "learned")
]
LOCAL_SHAPES = [
    {"config_class": LocalWaveConfig, "operation": operation, "members": members}
    for operation, members in product(("modulation", "interference"), (1, 3))
]
ODD_TEXTS = [
    "",
    " ",
    "a",
    "\n\n",
    "One sentence. Another one! And a third?",
    "吾輩は猫である。名前はまだ無い。どこで生れたか頓と見当がつかぬ。",
    "🙂🙃 👩‍👩‍👧‍👦! 🏴‍☠️",
    "word " * 5_000,
    "x" * 5_000,
    "aaaa aaaa aaaa aaaa",
    "[CLS] [SEP] <s>",
    "\ud800 half a character",
    "Ünïcödé\x00\u200b\u202e",
    "A. B. C. D. E. F. G.",
]


MULTI_LABEL = {"problem_type": "multi_label_classification"}
MULTI_LABEL_SHAPES = [
    {"operation": "modulation", "levels": ("input", "input"), **MULTI_LABEL},
    {**LOCAL_SHAPES[0], **MULTI_LABEL},
    {**LOCAL_SHAPES[-1], **MULTI_LABEL},
]


def name_of(shape):
    if "problem_type" in shape:
        return f"multi-label-{shape.get('members', 'wave')}"
    if "config_class" in shape:
        return "local-{operation}-{members}".format(**shape)
    return "-".join(map(str, [*list(shape.values())[:-1], shape["levels"][0]]))


@pytest.fixture(scope="module")
def news():
    return read_splits("sample").test["text"][:]


def by_torch(files, texts):
    model = build_model(files.config)
    model.load_state_dict({name: torch.from_numpy(t) for name, t in files.tensors.items()})
    ids, offsets, bounds = files.tokenizer.encode_sentences(texts)
    sentences = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds)).astype(np.int32)
    logits = predict_logits(model, PackedTexts(ids, offsets, sentences=sentences))
    logits /= files.temperature or 1
    return sigmoid(logits) if files.config.is_multi_label else softmax(logits)


@pytest.mark.parametrize("shape", SHAPES + LOCAL_SHAPES + MULTI_LABEL_SHAPES, ids=name_of)
def test_agrees_with_torch(make_files, news, shape):
    files = make_files(seed=8, **shape)
    texts = ODD_TEXTS + news[:16]
    found, expected = Engine(files).predict_proba(texts), by_torch(files, texts)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert np.isfinite(found).all()
    sees_cls_alone = {"operation": "interference", "readout": "real", "pooling": "cls"}
    assert np.ptp(found, axis=0).max() > 0.01 or sees_cls_alone.items() <= shape.items()


@pytest.mark.parametrize("shape", LOCAL_SHAPES, ids=name_of)
def test_a_folder_of_the_local_network_answers_odd_texts(make_files, tmp_path, shape):
    files = make_files(**shape)
    write_model(tmp_path / "model", files, card="", history=[])
    found = load(tmp_path / "model").predict_proba(ODD_TEXTS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, by_torch(files, ODD_TEXTS), rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    for text, prediction in zip(
        ODD_TEXTS, load(tmp_path / "model").predict(ODD_TEXTS), strict=True
    ):
        assert prediction.label in files.config.labels, text


def test_agrees_with_torch_on_a_trained_model(sample_model, news):
    engine = load(sample_model)
    found = engine.predict_proba(ODD_TEXTS + news)
    expected = by_torch(read_model(sample_model), ODD_TEXTS + news)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("shape", PATHS + LOCAL_SHAPES + MULTI_LABEL_SHAPES, ids=name_of)
def test_answers_do_not_depend_on_the_batch(make_files, news, shape):
    files = make_files(**shape)
    texts = (ODD_TEXTS + news)[:100]
    together = Engine(files).predict_proba(texts)
    engine = Engine(files)
    alone = np.concatenate([engine.predict_proba([text]) for text in texts])
    np.testing.assert_allclose(alone, together, rtol=0, atol=1e-6)
    many = Engine(files).predict_proba(texts * 10)
    np.testing.assert_allclose(many, np.tile(together, (10, 1)), rtol=0, atol=1e-6)
    backwards = Engine(files).predict_proba(texts[::-1])[::-1]
    np.testing.assert_allclose(backwards, together, rtol=0, atol=1e-6)


@pytest.mark.parametrize("threads", [1, 2, 3, 4, 8])
def test_any_number_of_threads_gives_the_same_bits(sample_model, news, threads):
    texts = news * 9
    expected = load(sample_model, threads=1).predict_proba(texts)
    engine = load(sample_model, threads=threads)
    np.testing.assert_array_equal(engine.predict_proba(texts), expected)
    assert [prediction.score for prediction in engine.predict(texts)] == expected.max(1).tolist()


@pytest.mark.parametrize("threads", [0, -1])
def test_there_is_a_thread(sample_model, threads):
    with pytest.raises(ConfigError, match="threads must be at least 1"):
        load(sample_model, threads=threads)


def test_a_batch_of_a_trained_model_beyond_the_chunk_size(sample_model, news, monkeypatch):
    monkeypatch.setattr("wave_network.runtime.engine._TEXTS_AT_ONCE", 1_024)
    engine = load(sample_model)
    texts = (news * 3)[:1_100]
    found = engine.predict_proba(texts)
    assert found.shape == (1_100, 4)
    expected = np.tile(load(sample_model).predict_proba(news), (3, 1))[:1_100]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    backwards = load(sample_model).predict_proba(texts[::-1])[::-1]
    np.testing.assert_allclose(backwards, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "shape",
    [
        {"variants": "linear", "positions": "learned", "pooling": "mean", "hidden_size": 32},
        {"variants": "embedding", "positions": "learned", "pooling": "mean", "hidden_size": 32},
        {"config_class": LocalWaveConfig, "members": 3},
    ],
    ids=["linear", "embedding", "local"],
)
def test_threads_share_an_engine(make_files, news, shape):
    files = make_files(**shape)
    texts = ODD_TEXTS + news[:100]
    expected = Engine(files).predict_proba(texts)
    shared, together = Engine(files), Barrier(8)  # its table is still empty

    def answer(shift):
        together.wait()
        turned = texts[shift:] + texts[:shift]
        return np.roll(shared.predict_proba(turned), shift, axis=0)

    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(answer, range(0, 80, 10)):
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_predictions_are_ordered_probabilities_with_the_labels_as_they_were(make_files, news):
    for labels in (("World", "Sports", "Sci/Tech"), (3, -1, 10), ("1", "01", "")):
        engine = Engine(make_files(labels=labels))
        assert engine.labels == labels
        texts = ODD_TEXTS + news[:50]
        probabilities = engine.predict_proba(texts)
        predictions = engine.predict(texts)
        assert len(predictions) == len(texts)
        for prediction, row in zip(predictions, probabilities, strict=True):
            assert isinstance(prediction, Prediction)
            assert prediction.scores == dict(zip(labels, row.tolist(), strict=True))
            assert list(prediction.scores.values()) == sorted(row.tolist(), reverse=True)
            assert prediction.label == labels[row.argmax()]
            assert prediction.score == max(row.tolist())
            assert sum(prediction.scores.values()) == pytest.approx(1, abs=1e-6)
            assert type(prediction.score) is float


def test_equal_probabilities_keep_the_order_of_the_labels(make_files):
    files = make_files()
    for name in ("classifier.weight", "classifier.bias"):
        files.tensors[name][:] = 0
    (prediction,) = Engine(files).predict(["a"])
    assert prediction.label == "World"
    assert list(prediction.scores) == ["World", "Sports", "Sci/Tech"]


def test_every_iterable_of_texts_will_do(make_files, news):
    engine = Engine(make_files())
    expected = engine.predict_proba(news[:9])
    for texts in (tuple(news[:9]), iter(news[:9]), np.array(news[:9]), (t for t in news[:9])):
        np.testing.assert_array_equal(engine.predict_proba(texts), expected)


@pytest.mark.parametrize("shape", PATHS[:4] + LOCAL_SHAPES)
def test_vectors_have_length_one_and_do_not_depend_on_the_batch(make_files, news, shape):
    engine = Engine(make_files(**shape))
    texts = [*news[:40], *ODD_TEXTS]
    vectors = engine.embed(texts)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for text, vector in zip(texts, vectors, strict=True):
        np.testing.assert_allclose(engine.embed([text])[0], vector, atol=1e-5)
    assert engine.embed([]).shape == (0, vectors.shape[1])
    with pytest.raises(DataError, match="a list of texts"):
        engine.embed("one text")


def test_answers_are_computed_from_the_vectors(make_files, news):
    for shape in PATHS[:4]:
        files = make_files(**shape)
        engine = Engine(files)
        ids, offsets = engine.tokenizer.encode(news[:9])
        if engine.config.reads_sentences:
            continue
        vectors = engine._network.embeddings(ids, offsets)
        logits = vectors @ files.tensors["classifier.weight"].T + files.tensors["classifier.bias"]
        np.testing.assert_allclose(engine._network.logits(ids, offsets), logits, atol=1e-5)


def test_no_texts_give_no_answers(make_files):
    engine = Engine(make_files())
    assert engine.predict([]) == []
    assert engine.predict_proba([]).shape == (0, 3)
    assert list(engine.iter_predict(iter(()))) == []


def test_a_stream_without_end_is_answered_as_it_comes(make_files):
    engine = Engine(make_files())
    stream = engine.iter_predict(f"text {number}" for number in count())
    pairs = list(islice(stream, 1_500))
    assert [text for text, _ in pairs] == [f"text {number}" for number in range(1_500)]
    assert [p for _, p in pairs[:5]] == engine.predict([f"text {number}" for number in range(5)])


def test_a_stream_of_long_texts_is_read_in_parts(make_files, monkeypatch):
    engine = Engine(make_files())
    monkeypatch.setattr("wave_network.runtime.engine._CHARACTERS_AT_ONCE", 1_000)
    taken = []
    texts = (taken.append(number) or f"{number} {'a' * 400}" for number in count())
    stream = engine.iter_predict(texts)
    assert [next(stream)[0][:2] for _ in range(4)] == ["0 ", "1 ", "2 ", "3 "]
    assert len(taken) == 6


@pytest.mark.parametrize("text", ["a single text", b"bytes"])
def test_a_single_string_is_refused(make_files, text):
    engine = Engine(make_files())
    for method in (engine.predict, engine.predict_proba, lambda t: list(engine.iter_predict(t))):
        with pytest.raises(DataError, match=r"give a list of texts, not a single string"):
            method(text)


@pytest.mark.parametrize(("item", "kind"), [(None, "NoneType"), (3, "int"), (b"b", "bytes")])
def test_what_is_no_text_is_refused_by_its_index(make_files, item, kind):
    engine = Engine(make_files())
    with pytest.raises(DataError, match=f"text 2 is {kind}, not a string"):
        engine.predict(["a", "b", item, "c"])
    with pytest.raises(DataError, match=f"text 1200 is {kind}, not a string"):
        engine.predict_proba(["a"] * 1200 + [item])


def test_predicting_imports_nothing_heavy(sample_model):
    program = """
        import json, sys

        import wave_network.runtime
        from wave_network import load

        prediction, = load(sys.argv[1]).predict(["Oil prices jump"])
        heavy = ("torch", "transformers", "datasets", "sklearn", "pandas", "accelerate", "pyarrow")
        print(json.dumps([prediction.label, [name for name in heavy if name in sys.modules]]))
    """
    found = subprocess.run(
        [sys.executable, "-c", dedent(program), str(sample_model)],
        capture_output=True,
        text=True,
        check=True,
    )
    label, loaded = json.loads(found.stdout)
    assert label == load(sample_model).predict(["Oil prices jump"])[0].label
    assert loaded == []
    assert found.stderr == ""


def test_below_the_threshold_there_is_no_label_and_the_rest_stays(make_files, news):
    engine = Engine(make_files())
    plain = engine.predict(news)
    scores = sorted(prediction.score for prediction in plain)
    threshold = scores[len(scores) // 3]
    for found, expected in zip(engine.predict(news, threshold=threshold), plain, strict=True):
        assert found.label == (expected.label if expected.score >= threshold else None)
        assert (found.score, found.scores) == (expected.score, expected.scores)
    answered = [p.label is not None for _, p in engine.iter_predict(news, threshold)]
    assert sum(answered) == len(news) - len(scores) // 3
    assert engine.predict(news, threshold=0.0) == plain


def test_sets_hold_the_labels_that_reach_the_bar(make_files, news):
    ordered = np.sort(Engine(make_files()).predict_proba(news), axis=1)
    thresholds = np.repeat(np.median(ordered[:, 1:], axis=0)[::-1], [500, 499]).tolist()
    engine = Engine(replace(make_files(), conformal_thresholds=thresholds))
    for coverage in (0.2, 0.95):
        sets, least = engine.predict_sets(news, coverage), engine.conformal_threshold(coverage)
        for found, scores in zip(sets, engine.predict_proba(news), strict=True):
            expected = np.argsort(-scores, kind="stable")
            assert found == [engine.labels[i] for i in expected if scores[i] >= least]
    assert not all(engine.predict_sets(news, 0.2))
    assert max(map(len, engine.predict_sets(news, 0.95))) > 1
    with pytest.raises(ConfigError, match="has no prediction sets"):
        Engine(make_files()).predict_sets(news, 0.8)


def test_sets_of_a_trained_model_keep_their_coverage(sample_model):
    test, engine = read_splits("sample").test, load(sample_model)
    for coverage in (0.8, 0.9, 0.95):
        sets = engine.predict_sets(test["text"][:], coverage)
        share = np.mean([y in found for y, found in zip(test["label"], sets, strict=True)])
        # 140 validation and 400 test texts: a standard deviation of 0.03 in all.
        assert share == pytest.approx(coverage, abs=0.08)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_that_is_no_probability_is_refused(make_files, threshold):
    with pytest.raises(ConfigError, match="threshold must be between 0 and 1"):
        Engine(make_files()).predict(["a"], threshold=threshold)


def test_one_label_is_all_labels_of_a_text(make_files):
    for prediction in Engine(make_files()).predict(ODD_TEXTS):
        assert prediction.labels == (prediction.label,)


@pytest.mark.parametrize("config_class", [ModelConfig, LocalWaveConfig])
def test_a_multi_label_model_gives_the_labels_that_reach_their_thresholds(
    make_files, news, config_class
):
    files = make_files(config_class=config_class, **MULTI_LABEL)
    probabilities = Engine(files).predict_proba(news[:50])
    assert np.ptp(probabilities.sum(axis=1)) > 0.1
    medians = tuple(np.median(probabilities, axis=0).tolist())
    counts = set()
    for thresholds in (None, medians):
        engine = Engine(replace(files, config=replace(files.config, thresholds=thresholds)))
        reached = dict(zip(engine.labels, thresholds or (0.5,) * 3, strict=True))
        for row, prediction in zip(probabilities, engine.predict(news[:50]), strict=True):
            scores = dict(zip(engine.labels, row.tolist(), strict=True))
            assert prediction.scores == scores
            assert list(prediction.scores.values()) == sorted(scores.values(), reverse=True)
            expected = [label for label in prediction.scores if scores[label] >= reached[label]]
            assert list(prediction.labels) == expected
            assert prediction.label == (expected[0] if expected else None)
            highest = scores[expected[0]] if expected else max(scores.values())
            assert prediction.score == highest
            counts.add(len(expected))
    assert {0, 1, 2} <= counts


def test_thresholds_are_stored(make_files, tmp_path):
    files = make_files(thresholds=(0.3, 0.9, 0.5), **MULTI_LABEL)
    write_model(tmp_path / "model", files, card="", history=[])
    assert load(tmp_path / "model").config == files.config
