"""What `similar.py` measures with."""

import random

import numpy as np
import pytest


@pytest.fixture
def similar():
    pytest.importorskip("sklearn")
    import similar

    return similar


def test_nearest_rows_come_first(similar, monkeypatch):
    monkeypatch.setattr(similar, "AT_ONCE", 3)
    asked, among = np.random.default_rng(0).normal(size=(2, 40, 8))
    order = np.argsort(-(asked @ among.T), axis=1)
    assert similar.nearest(asked, among, 5).tolist() == order[:, :5].tolist()


def test_some_words_are_left_out(similar):
    words = ["one", "two", "three", "four", "five", "six"]
    assert 0 < len(similar.shortened(" ".join(words), random.Random(0)).split()) < len(words)
