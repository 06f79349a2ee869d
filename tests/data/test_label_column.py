from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wave_network.data.label_column import LabelColumn, join_labels

KINDS = [st.text(max_size=3), st.integers(-3, 3), st.booleans(), st.sampled_from([0.0, 1.0, 2.0])]
LABELS = st.one_of([st.lists(kind, max_size=9) for kind in KINDS])
LISTS = st.one_of([st.lists(st.lists(kind, max_size=3), max_size=6) for kind in KINDS])


@given(LABELS | LISTS, st.data())
def test_labels_come_back_as_they_were(rows, data):
    column = LabelColumn.of(rows)
    assert len(column) == len(rows)
    assert column[:] == list(column) == rows
    assert [type(label) for label in column.values] == [column.kind] * len(column.values)
    assert [column[place] for place in range(-len(rows), 0)] == rows
    part = data.draw(st.slices(len(rows)))
    assert column[part] == rows[part]
    assert column.select(range(len(rows))[part])[:] == rows[part]
    assert join_labels([column, column.select([]), column])[:] == rows + rows


def test_each_different_label_is_there_once():
    column = LabelColumn.of(["b", "a", "b", "b"])
    assert (list(column.values), column.codes.tolist()) == (["b", "a"], [0, 1, 0, 0])
    assert column.used() == Counter(b=3, a=1)
    assert column.select([0, 2]).used() == Counter(b=2)
    assert (column.kind_name, column.listed) == ("string", False)


def test_labels_are_changed_once_each():
    seen = []

    def lowered(label):
        seen.append(label)
        return label.lower()

    column = LabelColumn.of([["A"], [], ["a", "B"], ["A"]])
    changed = column.mapped(lowered)
    assert changed[:] == [["a"], [], ["a", "b"], ["a"]]
    assert (seen, list(changed.values)) == (["A", "a", "B"], ["a", "b"])
    assert column.mapped(str) is column
    assert LabelColumn.of([1, 0]).mapped(bool).kind is bool


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["a b", "", "a"], [["a", "b"], [], ["a"]]),
        ([["a b", "c"], ["a"], []], [["a", "b", "c"], ["a"], []]),
        ([], []),
    ],
)
def test_a_label_may_stand_for_several(rows, expected):
    assert LabelColumn.of(rows).split(str.split)[:] == expected


def test_labels_are_separated_where_they_are_strings():
    assert LabelColumn.of(["a; b", ""]).separated(";")[:] == [["a", "b"], []]
    assert LabelColumn.of([1, 2]).separated(";")[:] == [[1], [2]]
    lists = LabelColumn.of([["a;b"]])
    assert lists.separated(";") is lists
    assert lists.separated(None) is lists


def test_repeats_in_a_list_are_dropped():
    column = LabelColumn.of([["b", "a", "b"], [], ["a", "a"], ["c"]])
    assert column.without_repeats()[:] == [["b", "a"], [], ["a"], ["c"]]
    single = LabelColumn.of(["a", "a"])
    assert single.without_repeats() is single


def test_the_first_label_of_a_kind_is_found():
    column = LabelColumn.of([["b"], [], ["a", "b"]])
    assert column.first(lambda label: label == "a") == ("a", 2)
    assert column.first(lambda label: label == "c") is None
    assert column.select([1]).first(lambda label: label == "a") is None
    assert LabelColumn.of([]).first(bool) is None


def test_labels_that_no_text_has_do_not_count():
    column = LabelColumn(["a", "b"], np.array([1, 1], np.int32))
    assert column.used() == Counter(b=2)
    assert column.first(lambda label: label == "a") is None
