"""Engines of every family are copied and sent to other processes alike."""

import copy
import pickle
import threading

import numpy as np
import pytest

from wave_network.config import LocalWaveConfig
from wave_network.runtime import Engine

TEXTS = ["Oil prices jump", "", "雨が降る", "A goal in the last minute. Fans cheer!"]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"variants": "linear"},
        {"variants": "linear", "positions": "sinusoidal"},
        {"levels": ("sentence", "input")},
        {"config_class": LocalWaveConfig},
        {"config_class": LocalWaveConfig, "members": 3},
        {"config_class": LocalWaveConfig, "linear_size": 4_000, "sparse_linear_size": 500},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, copy.copy, lambda engine: pickle.loads(pickle.dumps(engine))]
)
def test_a_copy_answers_alike(make_files, options, copied):
    engine = Engine(make_files(**options))
    fresh = copied(engine)
    expected = engine.predict_proba(TEXTS)
    np.testing.assert_array_equal(fresh.predict_proba(TEXTS), expected)
    np.testing.assert_array_equal(copied(engine).predict_proba(TEXTS), expected)


def test_a_copy_that_is_made_while_others_predict_is_whole(make_files):
    engine = Engine(make_files(variants="linear"))
    words = [f"{a}{b} price" for a in "abcdefghij" for b in "klmnopqrst"]
    expected = Engine(make_files(variants="linear")).predict_proba(words)
    wrong = []

    def predict():
        for word in words:
            engine.predict_proba([word])

    threads = [threading.Thread(target=predict) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        found = pickle.loads(pickle.dumps(engine)).predict_proba(words)
        wrong.append(not np.allclose(found, expected, atol=1e-5))
    for thread in threads:
        thread.join()
    assert not any(wrong)
