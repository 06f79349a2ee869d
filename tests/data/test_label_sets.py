import re

import numpy as np
import pytest

from wave_network.data.label_sets import (
    encode_label_sets,
    encode_targets,
    label_sets_of,
    split_label_sets,
)
from wave_network.errors import DataError


def test_labels_become_rows_of_zeros_and_ones():
    classes, targets = encode_label_sets([["b", "a"], [], ("c",), {"b"}, ["a", "a"]])
    assert classes == ("a", "b", "c")
    assert targets.dtype == np.float32
    assert targets.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]]


def test_the_model_s_classes_keep_their_order_and_may_lead_no_text():
    classes, targets = encode_label_sets([[2], [1, 2]], classes=(2, 3, 1))
    assert classes == (2, 3, 1)
    assert targets.tolist() == [[1, 0, 0], [1, 0, 1]]
    assert encode_targets([["2"], "1"], (2, 3, 1), multi_label=True).tolist() == [
        [1, 0, 0],
        [0, 0, 1],
    ]
    assert encode_targets(["2", "1"], (2, 3, 1), multi_label=False).tolist() == [0, 2]


@pytest.mark.parametrize(
    ("sets", "classes", "said"),
    [
        ([["a"], ["z"]], ("a", "b"), "label 'z' in 1 row was not in the training data"),
        ([[], []], None, "no text has a label"),
        ([["a"], [None]], None, "label 1 is None"),
    ],
)
def test_labels_that_cannot_be_learnt(sets, classes, said):
    with pytest.raises(DataError, match=re.escape(said)):
        encode_label_sets(sets, classes)


def test_joined_labels_without_a_separator_are_told_of_the_option():
    with pytest.raises(DataError, match=r"'a\|b', 'b\|c' in 2 rows were not .*give label_sep"):
        encode_targets(["a|b", "b|c"], ("a", "b", "c"), multi_label=True)
    with pytest.raises(DataError) as caught:
        encode_targets([["z"]], ("a", "b"), multi_label=True)
    assert "label_separator" not in str(caught.value)


def test_a_table_of_zeros_and_ones():
    table = np.array([[1, 0, 1], [0, 0, 0]])
    assert label_sets_of(table) == ([[0, 2], []], (0, 1, 2))
    assert label_sets_of(table.astype(bool), ["x", "y", "z"]) == ([["x", "z"], []], ("x", "y", "z"))
    with pytest.raises(DataError, match=r"y\[1, 0\] is 2: .* must hold 0 and 1"):
        label_sets_of(np.array([[1, 0], [2, 1]]))
    for classes in (["x", "y"], ["x", "y", "x"]):
        with pytest.raises(DataError, match="classes do not fit 3 columns"):
            label_sets_of(table, classes)


def test_the_split_takes_an_equal_share_of_each_rarest_label():
    # Label 0 in all 200 texts, label 1 in every second, label 2 in every tenth of those.
    texts = np.arange(200)
    targets = np.stack([texts >= 0, texts % 2 == 0, texts % 20 == 0], axis=1).astype(np.float32)
    kept, held_out = split_label_sets(targets, 0.2, seed=3)
    assert sorted([*kept, *held_out]) == list(range(200))
    assert len(held_out) == 40
    shares = targets[held_out].sum(axis=0)
    assert np.abs(shares - 0.2 * targets.sum(axis=0)).max() <= 1
    again, other = split_label_sets(targets, 0.2, seed=3), split_label_sets(targets, 0.2, seed=4)
    assert held_out.tolist() == again[1].tolist() != other[1].tolist()


def test_texts_without_labels_are_held_out_too():
    targets = np.zeros((100, 2), np.float32)
    targets[:20, 1] = 1
    _, held_out = split_label_sets(targets, 0.1, seed=0)
    assert (held_out < 20).sum() == 2
    assert (held_out >= 20).sum() == 8


def test_too_few_texts_to_hold_one_out():
    with pytest.raises(DataError, match=r"too few texts \(3\)"):
        split_label_sets(np.ones((3, 2), np.float32), 0.1, seed=0)
