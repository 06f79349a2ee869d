import numpy as np
import pytest

from wave_network.data import SingleLabel
from wave_network.data.soft_labels import check_soft_labels
from wave_network.errors import DataError

ROWS = [[0.2, 0.8], [1.0, 0.0], [0.5, 0.5]]


@pytest.mark.parametrize("kind", [list, np.array, lambda rows: np.array(rows, np.float16)])
def test_probabilities_are_kept_and_the_columns_are_numbered(kind):
    found = check_soft_labels(kind(ROWS))
    assert found.classes == (0, 1)
    assert found.probabilities.dtype == np.float32
    np.testing.assert_allclose(found.probabilities, ROWS, atol=1e-3)


def test_columns_take_their_names_in_the_order_given():
    assert check_soft_labels(ROWS, np.array(["warm", "cold"])).classes == ("warm", "cold")


def test_rounded_rows_are_scaled_to_the_sum_1_and_the_given_array_is_left_alone():
    given = np.array([[0.333, 0.333, 0.333]])
    np.testing.assert_allclose(check_soft_labels(given).probabilities, 1 / 3, rtol=1e-6)
    assert given.tolist() == [[0.333, 0.333, 0.333]]


@pytest.mark.parametrize(
    ("values", "classes", "message"),
    [
        ([["a", "b"]], None, "soft labels must be numbers"),
        ([[0.5, 0.5], [1.0]], None, "soft labels must be numbers"),
        ([0.5, 0.5], None, "soft labels have 1 axes"),
        (ROWS, ["x", "y", "z"], "have 2 columns and 3 classes"),
        (ROWS, ["x", "x"], "two or more, and distinct"),
        ([[1.0]], None, "two or more, and distinct"),
        (ROWS, [0.5, 1.5], "labels must be strings, whole numbers"),
        ([*ROWS, [0.5, 0.4]], None, r"soft label 3 is \[0.5, 0.4\]: give probabilities"),
        ([[1.5, -0.5]], None, "soft label 0 is"),
        ([[0.5, np.nan]], None, "soft label 0 is"),
        ([[np.inf, 0.0]], None, "soft label 0 is"),
        ([[0, 0]], None, "soft label 0 is"),
    ],
)
def test_what_is_no_probability_is_refused(values, classes, message):
    with pytest.raises(DataError, match=message):
        check_soft_labels(values, classes)


def test_the_columns_of_more_classes():
    labelling = SingleLabel(("cold", "mild", "warm"))
    found = labelling.encode_soft(check_soft_labels(ROWS, ["warm", "cold"]))
    np.testing.assert_allclose(found, [[0.8, 0, 0.2], [0, 0, 1], [0.5, 0, 0.5]], atol=1e-6)
