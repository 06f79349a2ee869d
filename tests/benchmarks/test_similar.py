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


def test_auroc_is_the_share_of_pairs_in_the_right_order(similar):
    scores, positive = np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, True, False, True])
    assert similar.auroc(scores, positive) == 100 * 3.5 / 4
    shorter = similar.shortened("one two three four five six", random.Random(0)).split()
    assert 0 < len(shorter) < 6
