import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_network.data import MultiLabel, SingleLabel
from wave_network.data.plain_labels import label_lists_of
from wave_network.errors import DataError

ANY = SingleLabel(())
MULTI = MultiLabel(())


def test_each_class_gives_its_share():
    labels = np.repeat([0, 1, 2, 3], [100, 50, 10, 1])
    train, held_out = ANY.split(labels, 0.1, seed=0)
    assert np.bincount(labels[held_out], minlength=4).tolist() == [10, 5, 1, 0]
    assert sorted([*train, *held_out]) == list(range(161))


def test_the_seed_decides():
    labels = np.arange(1_000) % 3
    first, again, other = (ANY.split(labels, 0.2, seed)[1] for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert set(np.diff(first)) != {np.diff(first)[0]}  # spread at random, not every fifth


def test_class_indices_may_have_gaps():
    train, held_out = ANY.split(np.array([5, 9, 5, 9]), 0.5, seed=3)
    assert len(train) == len(held_out) == 2


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=60),
    st.floats(0.01, 0.9),
    st.integers(0, 2**32 - 1),
)
def test_nothing_is_lost_and_every_class_stays(values, fraction, seed):
    labels = np.array(values)
    try:
        train, held_out = ANY.split(labels, fraction, seed)
    except DataError:
        assert all(min(round(fraction * n), n - 1) == 0 for n in np.bincount(labels) if n)
        return
    assert sorted([*train, *held_out]) == list(range(len(labels)))
    assert set(labels[train]) == set(labels)
    assert np.all(np.diff(train) > 0)
    assert np.all(np.diff(held_out) > 0)


@pytest.mark.parametrize("labels", [[0, 1, 2, 3], [0, 0, 1, 1], []])
def test_too_few_to_hold_out(labels):
    with pytest.raises(
        DataError, match=r"too few examples .* give more rows or a larger validation_fraction"
    ):
        ANY.split(np.array(labels, dtype=np.int64), 0.1, seed=0)


@pytest.mark.parametrize(
    ("values", "classes", "indices"),
    [
        (["b", "a", "b"], ("a", "b"), [1, 0, 1]),
        ([10, 9, -1], (-1, 9, 10), [2, 1, 0]),
        (["10", "9"], ("10", "9"), [0, 1]),
        (np.array([2, 1, 2], dtype=np.int32), (1, 2), [1, 0, 1]),
        (np.array(["y", "x"]), ("x", "y"), [1, 0]),
        ((value for value in "ab"), ("a", "b"), [0, 1]),
    ],
)
def test_classes_are_sorted_plain_values(values, classes, indices):
    values = list(values)
    found = SingleLabel.learn(values)
    encoded = found.encode(values)
    assert found.classes == classes
    assert {type(label) for label in found.classes} <= {str, int}
    assert encoded.dtype == np.int64
    assert encoded.tolist() == indices


def test_given_classes_keep_their_order():
    assert SingleLabel(("c", "b", "a")).encode(["a", "c"]).tolist() == [2, 0]
    assert SingleLabel(("a", "b")).encode([]).tolist() == []


def test_a_label_belongs_to_the_class_that_reads_the_same():
    # A test file with "1" alone is read as integers, where training also had "x".
    assert SingleLabel(("1", "x")).encode([1, 1]).tolist() == [0, 0]
    assert SingleLabel((1, 2)).encode(["2"]).tolist() == [1]
    assert SingleLabel((1, 2)).encode(["1.0", "2.0"]).tolist() == [0, 1]
    assert SingleLabel(("1.0", "1")).encode(["1", "1.0"]).tolist() == [1, 0]
    assert SingleLabel(("1.0", "1")).encode([1.0, 2.0 - 1]).tolist() == [0, 0]
    assert SingleLabel((False, True)).encode(["true", "False"]).tolist() == [1, 0]
    assert SingleLabel(("caf\u00e9", "x")).encode(["cafe\u0301", " x"]).tolist() == [0, 1]
    with pytest.raises(DataError, match="'01' in 1 row was"):
        SingleLabel((1, 2)).encode(["01"])


def test_new_classes_get_the_type_of_the_old_ones():
    assert SingleLabel((1, 2)).grown([2.0, 3.0, "4"]).classes == (1, 2, 3, 4)
    assert SingleLabel(("1", "2")).grown([2, 3]).classes == ("1", "2", "3")
    assert SingleLabel((1.0, 2.0)).grown([3]).classes == (1.0, 2.0, 3.0)
    for labelling in (SingleLabel((1, 2)), SingleLabel((False, True))):
        with pytest.raises(DataError, match="the new labels 'x' are strings"):
            labelling.grown(["x"])


def test_unseen_labels_are_named():
    with pytest.raises(DataError, match=r"labels 'x', 'y' in 3 rows were not .* has 'a', 'b'"):
        SingleLabel(("a", "b")).encode(["x", "a", "y", "x"])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["a", "a"], "only one class .'a'."),
        ([], "only one class .nothing."),
        (["a", 1], "label 1 is 1 and label 0 is 'a'"),
        ([0, None], "label 1 is missing .None."),
        ([0, 1.5], "label 1 is 1.5 .float."),
        ([True, 1], "label 1 is 1 and label 0 is True"),
        (np.array([1.0, np.nan]), "label 1 is missing .nan."),
    ],
)
def test_single_labels_that_cannot_be_learnt(values, said):
    with pytest.raises(DataError, match=said):
        SingleLabel.learn(values)


def test_labels_become_rows_of_zeros_and_ones():
    values = [["b", "a"], [], ("c",), {"b"}, ["a", "a"]]
    labelling = MultiLabel.learn(values)
    targets = labelling.encode(values)
    assert labelling.classes == ("a", "b", "c")
    assert targets.dtype == np.float32
    assert targets.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]]


def test_the_model_s_classes_keep_their_order_and_may_lead_no_text():
    labelling = MultiLabel((2, 3, 1))
    assert labelling.encode([[2], [1, 2]]).tolist() == [[1, 0, 0], [1, 0, 1]]
    assert labelling.encode([["2"], "1"]).tolist() == [[1, 0, 0], [0, 0, 1]]


@pytest.mark.parametrize(
    ("sets", "classes", "said"),
    [
        ([["a"], ["z"]], ("a", "b"), "label 'z' in 1 row was not in the training data"),
        ([[], []], None, "no text has a label"),
        ([["a"], [None]], None, "label 1 is missing (None)"),
    ],
)
def test_label_lists_that_cannot_be_learnt(sets, classes, said):
    with pytest.raises(DataError, match=re.escape(said)):
        (MultiLabel.learn(sets) if classes is None else MultiLabel(classes)).encode(sets)


def test_joined_labels_without_a_separator_are_told_of_the_option():
    with pytest.raises(DataError, match=r"'a\|b', 'b\|c' in 2 rows were not .*give label_sep"):
        MultiLabel(("a", "b", "c")).encode(["a|b", "b|c"])
    with pytest.raises(DataError) as caught:
        MultiLabel(("a", "b")).encode([["z"]])
    assert "label_separator" not in str(caught.value)


def test_a_table_of_zeros_and_ones():
    table = np.array([[1, 0, 1], [0, 0, 0]])
    assert label_lists_of(table) == ([[0, 2], []], (0, 1, 2))
    assert label_lists_of(table.astype(bool), ["x", "y", "z"]) == (
        [["x", "z"], []],
        ("x", "y", "z"),
    )
    with pytest.raises(DataError, match=r"y\[1, 0\] is 2: .* must hold 0 and 1"):
        label_lists_of(np.array([[1, 0], [2, 1]]))
    for classes in (["x", "y"], ["x", "y", "x"]):
        with pytest.raises(DataError, match="classes do not fit 3 columns"):
            label_lists_of(table, classes)


def test_the_split_takes_an_equal_share_of_each_rarest_label():
    # Label 0 in all 200 texts, label 1 in every second, label 2 in every tenth of those.
    texts = np.arange(200)
    targets = np.stack([texts >= 0, texts % 2 == 0, texts % 20 == 0], axis=1).astype(np.float32)
    kept, held_out = MULTI.split(targets, 0.2, seed=3)
    assert sorted([*kept, *held_out]) == list(range(200))
    assert len(held_out) == 40
    shares = targets[held_out].sum(axis=0)
    assert np.abs(shares - 0.2 * targets.sum(axis=0)).max() <= 1
    again, other = MULTI.split(targets, 0.2, seed=3), MULTI.split(targets, 0.2, seed=4)
    assert held_out.tolist() == again[1].tolist() != other[1].tolist()


def test_texts_without_labels_are_held_out_too():
    targets = np.zeros((100, 2), np.float32)
    targets[:20, 1] = 1
    _, held_out = MULTI.split(targets, 0.1, seed=0)
    assert (held_out < 20).sum() == 2
    assert (held_out >= 20).sum() == 8


def test_too_few_texts_to_hold_one_out():
    with pytest.raises(DataError, match=r"too few texts \(3\)"):
        MULTI.split(np.ones((3, 2), np.float32), 0.1, seed=0)


@pytest.mark.parametrize("labelling", [SingleLabel(("a", 7)), MultiLabel(("a", "b"))])
def test_new_classes_are_appended(labelling):
    grown = labelling.grown(["z", "a", 3])
    assert type(grown) is type(labelling)
    assert grown.classes == (*labelling.classes, "3", "z")


def test_new_classes_of_integers_are_integers():
    assert SingleLabel((5, 1)).grown(["3", 5]).classes == (5, 1, 3)
    with pytest.raises(DataError, match="the new labels 'x' are strings"):
        SingleLabel((5, 1)).grown(["x"])


def test_one_label_is_the_most_probable_one():
    labelling = SingleLabel(("a", "b", "c"))
    found = labelling.probabilities(np.log(np.float32([[0.2, 0.7, 0.1], [0.6, 0.1, 0.3]])))
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    assert labelling.decide(found).tolist() == [[False, True, False], [True, False, False]]
    assert labelling.answers(found, 0.0) == [[1], [0]]
    assert labelling.answers(found, 0.65) == [[1], []]
    assert labelling.changed(found, found[:, [1, 0, 2]]).tolist() == [True, True]
    assert labelling.changed(found, found / 2).tolist() == [False, False]


def test_of_any_number_of_labels_each_has_a_threshold():
    labelling = MultiLabel(("a", "b", "c"), (0.3, 0.5, 0.9))
    found = np.float32([[0.2, 0.7, 0.8], [0.4, 0.6, 0.95]])
    assert labelling.decide(found).tolist() == [[False, True, False], [True, True, True]]
    assert labelling.answers(found, 0.0) == [[1], [2, 1, 0]]
    assert labelling.answers(found, 0.5) == [[1], [2, 1]]
    assert labelling.answers(found, 0.65) == [[1], [2]]
    assert MultiLabel(("a", "b")).decide(np.float32([[0.4, 0.5]])).tolist() == [[False, True]]
    np.testing.assert_allclose(labelling.probabilities(np.zeros((1, 3), np.float32)), 0.5)
