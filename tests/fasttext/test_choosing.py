"""The best labels, also where scores are equal."""

import numpy as np
import pytest
from fasttext_models import PLACE
from native import every_form, native_hidden

from wave_network import fasttext
from wave_network.fasttext.choosing import _by_heap, best_labels
from wave_network.models.fasttext.tree import LabelTree, build_tree


def chosen(scores, count, least=-np.inf, tree=None):
    values = np.array(scores, np.float32)
    return list(best_labels(values, values >= least, count, tree))


def test_the_highest_come_first():
    assert chosen([[1, 3, 2], [3, 1, 2]], 2) == [[1, 2], [0, 2]]
    assert chosen([[1, 3, 2]], 9) == [[1, 2, 0]]
    assert chosen([[1, 3, 2]], 2, least=2.5) == [[1]]
    assert chosen([[1, 3, 2]], 1, least=4) == [[]]


def test_among_equal_scores_the_heap_decides():
    # What fastText 0.9.2 answers: see the model of one-vs-all, which has many.
    assert chosen([[5, 5, 5, 5]], 1) == [[3]]
    assert chosen([[5, 5, 1, 5]], 1) == [[3]]


@every_form
@pytest.mark.parametrize("count", [1, 2, 5, 12])
@pytest.mark.parametrize("levels", [2, 4, 1_000])
def test_every_form_chooses_as_the_heap(count, levels, form):
    random = np.random.default_rng(count)
    scores = random.integers(levels, size=(60, 12)).astype(np.float32)
    allowed = scores >= random.integers(levels, size=(60, 1))
    with native_hidden(form == "not compiled"):
        found = list(best_labels(scores, allowed, count))
    for row, usable, places in zip(scores, allowed, found, strict=True):
        assert places == _by_heap(row, usable, count, None)
        assert len(places) == min(count, usable.sum())


def test_a_tree_leaves_out_what_cannot_be_better():
    tree = LabelTree(build_tree(np.array([9, 5, 3, 2])))
    scores = tree.scores(np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32))
    for row in scores:
        (fast,) = best_labels(row[None], np.ones((1, 7), bool), 2, tree)
        assert fast == _by_heap(row, np.ones(7, bool), 2, tree)


def test_equal_scores_of_a_real_model_are_in_the_order_of_fasttext():
    model = fasttext.load_model(PLACE / "ova.bin")
    labels, probabilities = model.predict(" ".join(["bake"] * 4), k=-1)
    assert len(labels) == 4
    assert sorted(probabilities, reverse=True) == probabilities.tolist()
