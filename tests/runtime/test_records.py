"""Records of predictions, as the command line prints them and the service answers them."""

import pytest

from wave_network.runtime import Engine
from wave_network.runtime.records import explained_record, prediction_record, rounded

TEXT = "Oil prices jump as OPEC cuts output"


@pytest.fixture
def engine(make_files):
    return Engine(make_files())


def test_a_record_has_what_was_asked_for(engine):
    (prediction,) = engine.predict([TEXT])
    record = prediction_record(engine.labelling, prediction)
    assert record == {"label": prediction.label, "score": rounded(prediction.score)}
    record = prediction_record(engine.labelling, prediction, top_k=2, set_threshold=0.0)
    assert list(record) == ["label", "score", "scores", "labels"]
    assert next(iter(record["scores"].items())) == (record["label"], record["score"])
    assert len(record["scores"]) == 2
    assert record["labels"] == list(prediction.scores)  # a number is its own: all labels


def test_a_multi_label_record_lists_labels_with_their_scores(make_files):
    engine = Engine(
        make_files(problem_type="multi_label_classification", thresholds=(0.0, 0.0, 1.0))
    )
    (prediction,) = engine.predict([TEXT])
    record = prediction_record(engine.labelling, prediction)
    assert set(record["labels"]) == set(record["scores"]) == {"World", "Sports"}
    assert len(prediction_record(engine.labelling, prediction, top_k=3)["scores"]) == 3


def test_an_explanation_adds_to_a_record_and_replaces_nothing(engine):
    (prediction,) = engine.predict([TEXT], threshold=1.0)
    record = explained_record(prediction_record(engine.labelling, prediction), engine.explain(TEXT))
    assert record["label"] is None
    assert TEXT.startswith(record["explanation"][0]["token"])
    assert set(record) == {
        *("label", "score", "text", "log_odds", "baseline", "explanation"),
    }


def test_numbers_are_rounded_to_six_digits():
    value = {"a": [0.123456789, ("x", 1)], "b": None, "c": True}
    assert rounded(value) == {"a": [0.123457, ["x", 1]], "b": None, "c": True}
