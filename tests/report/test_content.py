import json

import numpy as np
import pytest

from wave_network import load
from wave_network.data import from_memory, read_splits
from wave_network.errors import DataError
from wave_network.evaluation.metrics import report_for, single_label_report
from wave_network.report.content import measure


@pytest.fixture(scope="module")
def rows():
    test = read_splits("sample").test
    texts, labels = list(test["text"]), list(test["label"])
    texts[7], texts[8] = "", texts[8] * 200
    return from_memory(texts, labels)


@pytest.fixture(scope="module")
def content(sample_model, rows):
    return measure(sample_model, rows)


def test_the_metrics_are_those_of_evaluate(sample_model, rows, content):
    engine = load(sample_model)
    labels = np.array([engine.labels.index(label) for label in rows["label"]])
    probabilities = engine.predict_proba(rows["text"])
    assert content.metrics == single_label_report(probabilities, labels, engine.labels)
    low, high = content.accuracy_interval
    assert low < content.metrics["accuracy"] < high
    matrix = np.array(content.metrics["confusion"]["matrix"])
    np.fill_diagonal(matrix, 0)
    assert content.mistakes.confusions[0][2] == matrix.max()


def test_size_speed_and_history_are_the_models(sample_model, content):
    assert content.size_bytes == sum(path.stat().st_size for path in sample_model.iterdir())
    assert content.speed.texts_per_second > 0
    assert content.speed.milliseconds > 0
    lines = (sample_model / "history.jsonl").read_text().splitlines()
    assert content.history == [json.loads(line) for line in lines]


def test_lengths_and_class_sizes_hold_every_text_once(rows, content):
    for groups in (content.lengths, content.class_sizes):
        assert sum(group.texts for group in groups) == len(rows)
        hits = sum(group.accuracy * group.texts for group in groups)
        assert hits / len(rows) == pytest.approx(content.metrics["accuracy"])
    edges = [edge for group in content.lengths for edge in (group.low, group.high)]
    assert edges == sorted(edges)
    assert edges[0] == 1, "an empty text is [CLS] alone"
    assert edges[-1] == content.max_length
    assert 3 <= len(content.lengths) <= 5
    assert (content.empty, content.full) == (1, 1)


def test_accuracy_by_class_size_tells_small_classes_from_large(tiny_rows, sample_model):
    result = measure(sample_model, tiny_rows)
    assert [(group.low, group.high, group.classes) for group in result.class_sizes] == [
        (2, 2, 1),
        (6, 6, 1),
    ]


@pytest.fixture
def tiny_rows():
    texts = [f"The striker scored {number} goals" for number in range(8)]
    return from_memory(texts, ["Sports"] * 6 + ["World"] * 2)


def test_label_lists(sets_model, sets_rows):
    content = measure(sets_model, sets_rows, sets_rows)
    engine = load(sets_model)
    truth = np.array([[label in row for label in engine.labels] for row in sets_rows["label"]])
    probabilities = engine.predict_proba(sets_rows["text"])
    assert content.metrics == report_for(engine.labelling, probabilities, truth.astype(np.float32))
    answers = [prediction.labels for prediction in engine.predict(sets_rows["text"])]
    right = [
        set(answer) == set(row) for answer, row in zip(answers, sets_rows["label"], strict=True)
    ]
    assert content.metrics["accuracy"] == pytest.approx(np.mean(right))
    assert 0.5 <= np.mean(right) < 1
    assert content.cardinality.data == pytest.approx(truth.sum() / 60)
    assert content.cardinality.answers == pytest.approx(sum(map(len, answers)) / 60)
    assert sum(group.texts for group in content.lengths) == 60
    assert content.training_sizes == truth.sum(axis=0).tolist()
    assert sum(one.texts for one in content.reliability) == 60 * 3
    assert content.overlap.accuracy == content.metrics["accuracy"]


def test_label_lists_by_size_tell_the_recall(sets_model, sets_rows):
    content = measure(sets_model, sets_rows)
    rows = content.metrics["per_class"].values()
    assert sum(group.texts for group in content.class_sizes) == sum(row["support"] for row in rows)
    hits = sum(group.accuracy * group.texts for group in content.class_sizes)
    assert hits == pytest.approx(sum(row["recall"] * row["support"] for row in rows))


def test_texts_without_any_label(sets_model):
    content = measure(sets_model, from_memory(["rain", "sun"], [[], []]))
    assert content.cardinality.data == 0
    assert content.class_sizes == []


def test_a_label_of_no_class_is_refused(sample_model):
    with pytest.raises(DataError, match="Weather"):
        measure(sample_model, from_memory(["rain", "sun"], ["Weather", "World"]))
