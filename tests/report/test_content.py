import json
from dataclasses import replace

import numpy as np
import pytest

from wave_network import load
from wave_network.data import from_memory, read_splits
from wave_network.errors import DataError
from wave_network.model_folder import write_model
from wave_network.report import content as module
from wave_network.report.content import measure
from wave_network.training.metrics import full_report


@pytest.fixture(scope="module")
def rows():
    test = read_splits("sample").test
    texts, labels = list(test["text"]), list(test["label"])
    texts[7], texts[8] = "", texts[8] * 200
    return from_memory(texts, labels)


@pytest.fixture(scope="module")
def content(sample_model, rows):
    return measure(sample_model, rows)


def test_the_figures_are_those_of_evaluate(sample_model, rows, content):
    engine = load(sample_model)
    labels = np.array([engine.labels.index(label) for label in rows["label"]])
    assert content.figures == full_report(engine.predict_proba(rows["text"]), labels, engine.labels)
    low, high = content.accuracy_interval
    assert low < content.figures["accuracy"] < high
    matrix = np.array(content.figures["confusion"]["matrix"])
    np.fill_diagonal(matrix, 0)
    assert content.confusions[0][2] == matrix.max()


def test_size_speed_and_history_are_the_models(sample_model, content):
    assert content.size_bytes == sum(path.stat().st_size for path in sample_model.iterdir())
    assert content.speed.texts_per_second > 0
    assert content.speed.milliseconds > 0
    lines = (sample_model / "history.jsonl").read_text().splitlines()
    assert content.history == [json.loads(line) for line in lines]


def test_the_most_confident_errors_come_first_each_explained(sample_model, rows, content):
    engine = load(sample_model)
    scores = [answer.other_score for answer in content.errors]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == module.EXAMPLES
    wrong = [
        prediction.score
        for prediction, label in zip(engine.predict(rows["text"]), rows["label"], strict=True)
        if prediction.label != label
    ]
    assert scores == pytest.approx(sorted(wrong, reverse=True)[: len(scores)])
    for answer in content.errors:
        row = rows[answer.row - 1]
        assert row["label"] == answer.label != answer.other
        assert row["text"].startswith(answer.text.removesuffix(" …"))
        assert answer.explanation.label == answer.other
        assert answer.explanation.score == pytest.approx(answer.other_score, abs=1e-5)


def test_lengths_and_class_sizes_hold_every_text_once(rows, content):
    for groups in (content.lengths, content.class_sizes):
        assert sum(group.texts for group in groups) == len(rows)
        hits = sum(group.accuracy * group.texts for group in groups)
        assert hits / len(rows) == pytest.approx(content.figures["accuracy"])
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


def test_duplicates_are_counted_and_their_labels_compared(sample_model, rows):
    training = from_memory(
        [rows[0]["text"].upper(), rows[1]["text"] + " Indeed.", "something else"],
        [rows[0]["label"], "another", "World"],
    )
    overlap = measure(sample_model, rows, training).overlap
    assert (overlap.exact, overlap.near, overlap.differing) == (1, 1, 1)
    assert [pair.duplicate.test for pair in overlap.pairs] == [1, 0]
    answers = load(sample_model).predict(rows["text"])
    right = [a.label == label for a, label in zip(answers, rows["label"], strict=True)]
    assert overlap.accuracy == pytest.approx(np.mean(right[:2]))
    assert overlap.accuracy_without == pytest.approx(np.mean(right[2:]))


def test_wrong_labels_are_among_those_in_doubt(sample_model):
    test = read_splits("sample").test
    labels = list(test["label"])
    predictions = load(sample_model).predict(test["text"])
    sure = sorted(range(len(labels)), key=lambda row: -predictions[row].score)
    wrong = [row for row in sure if predictions[row].label == labels[row]][:10]
    for row in wrong:
        labels[row] = next(label for label in sorted(set(labels)) if label != labels[row])
    result = measure(sample_model, from_memory(list(test["text"]), labels))
    assert {answer.row - 1 for answer in result.label_errors} >= set(wrong)
    assert result.label_error_count >= len(result.label_errors)


def test_a_model_that_cannot_be_explained_says_why(make_files, tmp_path, small_tokenizer):
    files = make_files(pooling="mean")
    write_model(tmp_path / "model", files, card="", history=[])
    rows = from_memory(["one", "two", "three"] * 4, ["World", "Sports", "Sci/Tech"] * 4)
    result = measure(tmp_path / "model", rows)
    assert result.errors
    assert all(answer.explanation is None for answer in result.errors)
    assert "pool" in result.not_explained


def test_answers_that_are_all_right(sample_model, tiny_rows):
    answers = [prediction.label for prediction in load(sample_model).predict(tiny_rows["text"])]
    result = measure(sample_model, from_memory(list(tiny_rows["text"]), answers))
    assert (result.errors, result.confusions, result.not_explained) == ([], [], "")
    assert result.figures["accuracy"] == 1.0


def test_a_label_of_no_class_is_refused(sample_model):
    with pytest.raises(DataError, match="Weather"):
        measure(sample_model, from_memory(["rain", "sun"], ["Weather", "World"]))


def test_a_long_text_is_shown_in_part(content):
    answer = replace(content.errors[0], text=module.shortened("a" * 9_999))
    assert len(answer.text) == module.CHARACTERS + 2
