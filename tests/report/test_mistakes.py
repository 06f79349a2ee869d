import numpy as np
import pytest

from wave_network import load
from wave_network.data import from_memory, read_splits
from wave_network.models.numpy_ops import given_labels
from wave_network.persistence.folder import write_model
from wave_network.report import mistakes as module
from wave_network.report.mistakes import find_mistakes, find_multi_label_mistakes, shortened


@pytest.fixture(scope="module")
def rows():
    return read_splits("sample").test


def mistakes_of(folder, rows):
    engine = load(folder)
    labels = engine.labelling.encode(rows["label"])
    return find_mistakes(engine, rows, engine.predict_proba(rows["text"]), labels)


def set_mistakes_of(folder, rows):
    engine = load(folder)
    probabilities = engine.predict_proba(rows["text"])
    truth = engine.labelling.encode(rows["label"]) > 0.5
    given = given_labels(probabilities, engine.config.thresholds)
    return (
        find_multi_label_mistakes(engine, rows, probabilities, truth, given),
        probabilities,
        truth,
        given,
    )


def test_the_most_confident_errors_come_first_each_explained(sample_model, rows, monkeypatch):
    monkeypatch.setattr(module, "EXAMPLES", 10)  # there are few more errors
    engine, errors = load(sample_model), mistakes_of(sample_model, rows).errors
    scores = [answer.other_score for answer in errors]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == module.EXAMPLES
    wrong = [
        prediction.score
        for prediction, label in zip(engine.predict(rows["text"]), rows["label"], strict=True)
        if prediction.label != label
    ]
    assert len(wrong) > len(scores)
    assert scores == pytest.approx(sorted(wrong, reverse=True)[: len(scores)])
    for answer in errors:
        row = rows[answer.row - 1]
        assert row["label"] == answer.label != answer.other
        assert row["text"].startswith(answer.text.removesuffix(" …"))
        assert answer.explanation.label == answer.other
        assert answer.explanation.score == pytest.approx(answer.other_score, abs=1e-5)


def test_wrong_labels_are_among_those_in_doubt(sample_model, rows):
    labels = list(rows["label"])
    predictions = load(sample_model).predict(rows["text"])
    sure = sorted(range(len(labels)), key=lambda row: -predictions[row].score)
    wrong = [row for row in sure if predictions[row].label == labels[row]][:10]
    for row in wrong:
        labels[row] = next(label for label in sorted(set(labels)) if label != labels[row])
    result = mistakes_of(sample_model, from_memory(list(rows["text"]), labels))
    assert {answer.row - 1 for answer in result.label_errors} >= set(wrong)
    assert result.label_error_count >= len(result.label_errors)


def test_a_model_that_cannot_be_explained_says_why(make_files, tmp_path):
    write_model(tmp_path / "model", make_files(pooling="mean"), card="", history=[])
    rows = from_memory(["one", "two", "three"] * 4, ["World", "Sports", "Sci/Tech"] * 4)
    result = mistakes_of(tmp_path / "model", rows)
    assert result.errors
    assert all(answer.explanation is None for answer in result.errors)
    assert "pool" in result.not_explained


def test_answers_that_are_all_right(sample_model, rows):
    answers = [prediction.label for prediction in load(sample_model).predict(rows["text"])]
    result = mistakes_of(sample_model, from_memory(list(rows["text"]), answers))
    assert (result.errors, result.confusions, result.not_explained) == ([], [], "")


def test_of_label_lists_the_errors_are_those_furthest_from_the_truth(sets_model, sets_rows):
    result, probabilities, truth, given = set_mistakes_of(sets_model, sets_rows)
    labels = load(sets_model).labels
    distances = sorted(np.abs(truth - probabilities)[truth != given], reverse=True)
    assert len(distances) > module.EXAMPLES == len(result.errors)
    for error, distance in zip(result.errors, distances[: module.EXAMPLES], strict=True):
        row, place = error.row - 1, labels.index(error.label)
        assert abs((not error.added) - error.score) == pytest.approx(distance)
        assert (truth[row, place], given[row, place]) == (not error.added, error.added)
        assert (error.label in sets_rows[row]["label"]) != error.added
        assert sorted(error.labels) == sorted(sets_rows[row]["label"])
        assert error.explanation.label == error.label
        assert error.explanation.score == pytest.approx(error.score, abs=1e-5)
    assert {error.added for error in result.errors} == {True, False}


def test_of_label_lists_every_doubt_says_what_would_be_better(sets_model, sets_rows):
    result, *_ = set_mistakes_of(sets_model, sets_rows)
    counted = sum(lacking + having for _, lacking, having in result.label_error_pairs)
    assert counted == result.label_error_count > 0
    for one in result.label_errors:
        assert one.added == (one.label not in sets_rows[one.row - 1]["label"])


def test_missed_and_added_labels_by_hand(sets_model):
    truth = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0]], np.bool_)
    given = np.array([[0, 1, 1], [0, 0, 0], [0, 1, 1], [0, 0, 1], [0, 0, 1]], np.bool_)
    rows = from_memory(list("abcde"), [["war"]] * 5)
    result = find_multi_label_mistakes(
        load(sets_model), rows, given.astype(np.float32), truth, given
    )
    table = result.missed_and_added
    assert table.labels == ["comedy", "drama", "war"]
    assert [row.together for row in table.rows] == [
        [0, 1, 2, 1],  # comedy: missed thrice, once with drama and twice with war added
        [0, 0, 0, 0],
        [0, 0, 0, 0],
        [0, 0, 1, 1],  # none missed: war added once, once all right
    ]
    assert [row.texts for row in table.rows] == [3, 0, 0, 2]
    assert table.left_out == 0


def test_of_many_labels_those_with_the_most_errors_are_in_the_table(make_files, tmp_path):
    labels = tuple(f"label {number:02}" for number in range(30))
    files = make_files(labels=labels, problem_type="multi_label_classification")
    write_model(tmp_path / "model", files, card="", history=[])
    truth = np.tri(40, 30, -5, dtype=np.bool_)  # the first labels are missed most
    rows = from_memory(["text"] * 40, [["label 00"]] * 40)
    nothing = np.zeros_like(truth)
    engine = load(tmp_path / "model")
    table = find_multi_label_mistakes(
        engine, rows, np.full((40, 30), 0.1), truth, nothing
    ).missed_and_added
    assert table.labels == list(labels[:20])
    assert table.left_out == 10
    assert table.rows[-1].texts == 5
    assert [row.together[-1] for row in table.rows[:-1]] == truth.sum(axis=0)[:20].tolist()


def test_a_long_text_is_shown_in_part():
    assert len(shortened("a" * 9_999)) == module.CHARACTERS + 2
    assert shortened("short") == "short"
