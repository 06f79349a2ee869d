import copy
import json
import pickle
import tracemalloc

import numpy as np
import pytest

from wave_network.config import LocalWaveConfig
from wave_network.data.labels import MultiLabel, SingleLabel
from wave_network.runtime import Engine
from wave_network.runtime.prediction import Scores, predictions

ROW = np.float32([0.1, 0.4, 0.1, 0.3, 0.1])
PLACES = {"b": 0, "a": 1, "d": 2, 7: 3, "c": 4}
RANKED = {"a": 0.4, 7: 0.3, "b": 0.1, "d": 0.1, "c": 0.1}
TEXTS = [f"oil prices jump {number} times" for number in range(100)]


@pytest.fixture
def scores():
    return Scores(PLACES, ROW.tobytes())


@pytest.fixture
def ranked():
    return {label: float(np.float32(value)) for label, value in RANKED.items()}


def test_scores_behave_like_a_dictionary_with_the_highest_first(scores, ranked):
    assert list(scores) == list(scores.keys()) == list(ranked)
    assert list(scores.items()) == list(ranked.items())
    assert list(scores.values()) == list(ranked.values())
    assert list(reversed(scores)) == list(reversed(ranked))
    assert scores == ranked
    assert ranked == scores
    assert scores == Scores(PLACES, ROW.tobytes())
    assert scores != {**ranked, "a": 0.5}
    assert scores != 1
    assert repr(scores) == repr(ranked)
    assert json.dumps(dict(scores)) == json.dumps(ranked)
    assert (len(scores), "d" in scores, "e" in scores) == (5, True, False)
    assert (scores["c"], scores.get("e"), scores[7]) == (ranked["c"], None, ranked[7])
    assert type(scores["a"]) is float
    with pytest.raises(KeyError, match="e"):
        scores["e"]
    with pytest.raises(TypeError, match="unhashable"):
        hash(scores)
    with pytest.raises(TypeError):
        scores["a"] = 1.0


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, copy.copy, lambda value: pickle.loads(pickle.dumps(value))]
)
def test_scores_are_copied_and_pickled(scores, ranked, copied):
    assert copied(scores) == ranked


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 9])
def test_the_highest_scores_are_those_of_the_whole_order(scores, ranked, count):
    assert list(scores.top(count).items()) == list(ranked.items())[:count]


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.3, float(np.float32(0.3)), 0.39, 0.5])
def test_the_scores_that_reach_a_threshold_are_compared_as_they_are_shown(
    scores, ranked, threshold
):
    expected = [pair for pair in ranked.items() if pair[1] >= threshold]
    assert list(scores.reaching(threshold).items()) == expected


@pytest.mark.parametrize("kind", [SingleLabel, MultiLabel])
def test_a_prediction_does_not_keep_those_of_other_texts(kind):
    classes = tuple(range(2_000))
    places = {label: label for label in classes}
    random, found = np.random.default_rng(0), []
    tracemalloc.start()
    for _ in range(20):
        rows = random.random((50, len(classes)), np.float32) / 2.1
        found.append(
            list(predictions(places, rows, kind(classes).answers(rows, 0.0), [None] * 50))[7]
        )
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [len(prediction.scores) for prediction in found] == [len(classes)] * 20
    assert size < 2_000_000  # all rows would be 8 MB


@pytest.mark.parametrize("options", [{}, {"problem_type": "multi_label_classification"}], ids=str)
def test_an_engines_predictions_are_small_until_their_scores_are_read(make_files, options):
    labels = tuple(f"class {number}" for number in range(500))
    engine = Engine(make_files(config_class=LocalWaveConfig, labels=labels, **options))
    engine.predict(TEXTS[:9])
    tracemalloc.start()
    found = engine.predict(TEXTS, threshold=1.0)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size / len(found) < 4 * len(labels) + 1_000
    expected = engine.predict_proba(TEXTS)
    for prediction, row in zip(found, expected, strict=True):
        assert prediction.scores == dict(zip(labels, row.tolist(), strict=True))
