"""Rows with labels that training never saw are refused, or counted as wrong."""

import numpy as np
import pytest

from wave_network.data import MultiLabel, SingleLabel
from wave_network.errors import DataError, on_command_line
from wave_network.evaluation.metrics import prediction_sets_report, report_for, summarize_for
from wave_network.evaluation.unseen import encode_with_unseen, measured_with_unseen

ONE = SingleLabel(("a", "b"))
SEVERAL = MultiLabel(("a", "b"), (0.5, 0.4))
PROBABILITIES = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]])


def test_the_message_names_the_row_the_file_and_the_option():
    with pytest.raises(DataError, match=r"'z' in 2 rows was not .*\(the first: index 1\)$"):
        encode_with_unseen(ONE, ["a", "z", "z"], "error")
    with (
        on_command_line({"unseen": "--unseen"}),
        pytest.raises(
            DataError, match=r"row 2 of t.csv\), or count them as wrong with --unseen count"
        ),
    ):
        encode_with_unseen(ONE, ["a", "z", "z"], "error", "t.csv")
    with pytest.raises(DataError, match=r"row 3 of t\.csv"):
        encode_with_unseen(SEVERAL, [["a", "b"], [], ["b", "z"]], "error", "t.csv")
    with pytest.raises(DataError, match="index 0"):
        encode_with_unseen(ONE, ["y", "z"], "count")


def test_a_label_that_is_not_known_is_a_class_that_is_always_wrong():
    encoded = encode_with_unseen(ONE, ["a", "b", "z", "b"], "count")
    assert encoded.unseen == 1
    report = measured_with_unseen(report_for, ONE, PROBABILITIES, encoded)
    assert report["accuracy"] == 0.5
    assert report["macro_f1"] == pytest.approx((2 * 1 / (1 + 3) + 2 / 3 + 0) / 3)
    assert report["loss"] == pytest.approx(-np.log([0.9, 0.8, 0.4]).mean())
    assert report["per_class"]["z"] == {"precision": 0, "recall": 0, "f1": 0, "support": 1}
    assert report["confusion"]["matrix"][2] == [1, 0, 0]
    assert (report["examples"], report["unseen"]) == (4, 1)
    plain = encode_with_unseen(ONE, ["a", "b", "a", "b"], "count")
    expected = summarize_for(ONE, PROBABILITIES, plain.targets)
    assert measured_with_unseen(summarize_for, ONE, PROBABILITIES, plain) == expected


def test_a_label_of_several_that_is_not_known_is_missed():
    encoded = encode_with_unseen(SEVERAL, [["a"], ["b", "z"], ["a"], ["a", "b"]], "count")
    metrics = measured_with_unseen(summarize_for, SEVERAL, PROBABILITIES, encoded)
    assert metrics["accuracy"] == 0.75
    assert metrics["micro_f1"] == pytest.approx(2 * 5 / (5 + 6))
    assert metrics["loss"] < 2
    assert metrics["unseen"] == 1


def test_no_prediction_set_contains_a_label_that_is_not_known():
    labels = encode_with_unseen(ONE, ["a", "z", "a", "b"], "count").targets
    assert prediction_sets_report(PROBABILITIES, labels, 0.9, 0.0)["coverage"] == 0.75
