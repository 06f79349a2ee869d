import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_network.data import encode_labels, stratified_split
from wave_network.errors import DataError


def test_each_class_gives_its_share():
    labels = np.repeat([0, 1, 2, 3], [100, 50, 10, 1])
    train, held_out = stratified_split(labels, 0.1, seed=0)
    assert np.bincount(labels[held_out], minlength=4).tolist() == [10, 5, 1, 0]
    assert sorted([*train, *held_out]) == list(range(161))


def test_the_seed_decides():
    labels = np.arange(1_000) % 3
    first, again, other = (stratified_split(labels, 0.2, seed)[1] for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert set(np.diff(first)) != {np.diff(first)[0]}  # spread at random, not every fifth


def test_class_indices_may_have_gaps():
    train, held_out = stratified_split(np.array([5, 9, 5, 9]), 0.5, seed=3)
    assert len(train) == len(held_out) == 2


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=60),
    st.floats(0.01, 0.9),
    st.integers(0, 2**32 - 1),
)
def test_nothing_is_lost_and_every_class_stays(values, fraction, seed):
    labels = np.array(values)
    try:
        train, held_out = stratified_split(labels, fraction, seed)
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
        stratified_split(np.array(labels, dtype=np.int64), 0.1, seed=0)


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
    found, encoded = encode_labels(values)
    assert found == classes
    assert {type(label) for label in found} <= {str, int}
    assert encoded.dtype == np.int64
    assert encoded.tolist() == indices


def test_given_classes_keep_their_order():
    classes, encoded = encode_labels(["a", "c"], classes=("c", "b", "a"))
    assert classes == ("c", "b", "a")
    assert encoded.tolist() == [2, 0]
    assert encode_labels([], classes=("a", "b"))[1].tolist() == []


def test_a_label_belongs_to_the_class_that_reads_the_same():
    # A test file with "1" alone is read as integers, where training also had "x".
    assert encode_labels([1, 1], classes=("1", "x"))[1].tolist() == [0, 0]
    assert encode_labels(["2"], classes=(1, 2))[1].tolist() == [1]
    with pytest.raises(DataError, match="'01' in 1 row was"):
        encode_labels(["01"], classes=(1, 2))


def test_unseen_labels_are_named():
    with pytest.raises(DataError, match=r"labels 'x', 'y' in 3 rows were not .* has 'a', 'b'"):
        encode_labels(["x", "a", "y", "x"], classes=("a", "b"))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["a", "a"], "only one class .'a'."),
        ([], "only one class .nothing."),
        (["a", 1], "label 1 is 1 and label 0 is 'a'"),
        ([0, None], "label 1 is None"),
        ([0, 1.5], "label 1 is 1.5 .float."),
        ([True, False], "label 0 is True .bool."),
        (np.array([True, False]), "label 0 is .*bool"),
    ],
)
def test_labels_that_cannot_be_learnt(values, said):
    with pytest.raises(DataError, match=said):
        encode_labels(values)
