"""Answers are JSON that `predict` would write, whatever the labels are."""

import json

import pytest

from wave_network.runtime import Engine
from wave_network.serve.answers import answer_all
from wave_network.serve.encoding import encode
from wave_network.serve.questions import Options, Question

TEXTS = ["Oil prices jump", "", "a\u2028b"]


def records_of(engine, **options):
    (answer,) = answer_all(engine, [Question(TEXTS, Options(**options))])
    return json.loads(answer)


@pytest.mark.parametrize("labels", [(3, 20), (True, False), ("雨", "a\u202eb")])
def test_labels_of_every_type_are_written(make_files, labels):
    engine = Engine(make_files(labels=labels))
    for record, prediction in zip(records_of(engine, top_k=2), engine.predict(TEXTS), strict=True):
        assert record["label"] == prediction.label
        assert [*record["scores"].values()] == pytest.approx(
            [*prediction.scores.values()], abs=1e-6
        )


def test_a_multi_label_model_answers_with_its_labels(make_files):
    engine = Engine(make_files(problem_type="multi_label_classification"))
    for record, prediction in zip(records_of(engine), engine.predict(TEXTS), strict=True):
        assert record["labels"] == list(prediction.labels)
        assert set(record["scores"]) == set(prediction.labels)
    (outcome,) = answer_all(engine, [Question(TEXTS, Options(coverage=0.9))])
    assert "multi-label" in str(outcome)


def test_an_explanation_adds_up(make_files):
    engine = Engine(make_files())
    for text, record in zip(TEXTS, records_of(engine, explain=True), strict=True):
        added = sum(token["attribution"] for token in record["explanation"])
        assert added == pytest.approx(record["log_odds"] - record["baseline"], abs=1e-3)
        assert all(
            text[token["start"] : token["end"]] == token["token"] for token in record["explanation"]
        )
        assert "text" not in record


def test_what_json_cannot_hold_is_an_error():
    with pytest.raises(ValueError, match="JSON"):
        encode(float("nan"))
