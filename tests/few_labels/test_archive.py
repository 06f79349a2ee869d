import numpy as np
import pytest

from wave_network.data.memory import texts_from_memory
from wave_network.few_labels import archive
from wave_network.few_labels.archive import read_archive, views_of

LABELLED = texts_from_memory(["red", "blue"])


def read(texts, classes=2, seed=0):
    return read_archive(texts_from_memory(texts), LABELLED, classes, seed)


def test_empty_repeated_and_labelled_texts_are_left_out_and_counted():
    found = read(["green", "red", "green", " ", "", "blue", "red", "pink"])
    assert found.rows["text"][:] == ["green", "pink"] or sorted(found.rows["text"][:]) == [
        "green",
        "pink",
    ]
    assert (found.sampled, found.repeated, found.labelled) == (8, 1, 3)


def test_of_many_texts_a_random_sample_is_used(monkeypatch):
    monkeypatch.setattr(archive, "_MOST_TEXTS", 20)
    texts = [f"word{number}" for number in range(100)]
    found = read(texts)
    assert len(found.rows) == found.sampled == 20
    assert found.rows["text"][:] == read(texts).rows["text"][:] != read(texts, seed=1).rows["text"]
    assert found.rows["text"][:] != texts[:20]


@pytest.mark.parametrize(
    ("name", "value"), [("_MOST_CHARACTERS", 100), ("_MOST_SCORES", 20)], ids=["text", "classes"]
)
def test_time_and_memory_are_bounded(monkeypatch, name, value):
    monkeypatch.setattr(archive, name, value)
    found = read([f"ten-word{number:02}" for number in range(50)])
    assert 0 < len(found.rows) <= 11
    assert found.sampled < 50


def test_nothing_to_learn_from_has_views_all_the_same():
    views = views_of(LABELLED, texts_from_memory(["red blue"] * 2), seed=0)
    targets = np.eye(2, dtype=np.float32)
    assert all(np.isfinite(view.scores(np.arange(2), targets)).all() for view in views[1:])
