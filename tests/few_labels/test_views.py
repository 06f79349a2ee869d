import numpy as np
import pytest
from topics import topic_texts

from wave_network.data.memory import texts_from_memory
from wave_network.few_labels.archive import views_of
from wave_network.few_labels.vectors import read_vectors
from wave_network.few_labels.views import VectorView

TEXTS, LABELS = topic_texts(606)
LABELLED = 6
TARGETS = np.eye(3, dtype=np.float32)[LABELS[:LABELLED]]


@pytest.fixture(scope="module")
def views():
    labelled, unlabelled = (
        texts_from_memory(TEXTS[:LABELLED]),
        texts_from_memory(TEXTS[LABELLED:]),
    )
    return views_of(labelled, unlabelled, seed=0)


def test_views_score_all_texts_and_those_of_unlabelled_texts_know_more(views):
    texts = np.arange(LABELLED)
    scores = [view.scores(texts, TARGETS) for view in views]
    assert all(each.shape == (606, 3) and each.dtype == np.float32 for each in scores)
    right = [(each.argmax(axis=1) == LABELS)[LABELLED:].mean() for each in scores]
    assert right[0] < 0.75
    assert min(right[1:]) > right[0] + 0.05
    assert min(right[4:]) > 0.9


@pytest.mark.parametrize("place", range(6))
def test_two_classes_have_a_column_each(views, place):
    chosen = np.array([0, 1, 3, 4])
    targets = np.eye(2, dtype=np.float32)[LABELS[chosen]]
    scores = views[place].scores(chosen, targets)
    assert scores.shape == (606, 2)
    assert (scores[chosen].argmax(axis=1) == LABELS[chosen]).all()


def test_each_class_counts_alike_in_the_regression():
    vectors = np.array([[1, 0]] * 9 + [[0, 1], [0.6, 0.8], [0.8, 0.6]], np.float32)
    targets = np.eye(2, dtype=np.float32)[[0] * 9 + [1]]
    scores = VectorView(vectors).scores(np.arange(10), targets)
    assert scores[10].argmax() == 1
    assert scores[11].argmax() == 0


def test_views_are_the_same_for_the_same_seed():
    labelled, unlabelled = texts_from_memory(TEXTS[:6]), texts_from_memory(TEXTS[6:90])
    first, second = (
        [view.scores(np.arange(6), TARGETS) for view in views_of(labelled, unlabelled, seed=3)]
        for _ in range(2)
    )
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_pretrained_vectors_are_one_more_view_that_knows_more_words():
    labelled = texts_from_memory(["the goalkeeper and the striker", "shares and bonds"])
    unlabelled = texts_from_memory(["football referee", "dividends for investors"] * 2)
    without = views_of(labelled, unlabelled, seed=0)
    *views, pretrained = views_of(labelled, unlabelled, seed=0, vectors=read_vectors("auto"))
    assert len(views) == len(without)
    assert pretrained.prior > 0
    scores = pretrained.scores(np.arange(2), np.eye(2, dtype=np.float32))
    assert scores.argmax(axis=1).tolist() == [0, 1] * 3
