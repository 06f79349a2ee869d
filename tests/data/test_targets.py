import numpy as np
import pytest

from wave_network.data.targets import (
    class_totals,
    concatenate_targets,
    is_soft,
    most_probable,
    soft_targets,
)

HARD = np.array([2, 0, 2])
SOFT = np.float32([[0.1, 0.2, 0.7], [1, 0, 0], [0, 0.5, 0.5]])


def test_hard_and_soft_targets_answer_alike():
    assert (is_soft(HARD), is_soft(SOFT)) == (False, True)
    assert most_probable(HARD).tolist() == [2, 0, 2]
    assert most_probable(SOFT).tolist() == [2, 0, 1]
    assert soft_targets(HARD, 3).tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 1]]
    assert soft_targets(SOFT, 3) is SOFT
    assert class_totals(HARD, 4).tolist() == [1, 0, 2, 0]
    np.testing.assert_allclose(class_totals(SOFT, 3), [1.1, 0.7, 1.2])


@pytest.mark.parametrize(("first", "second"), [(HARD, SOFT), (SOFT, HARD), (SOFT, SOFT)])
def test_joined_targets_are_soft_if_either_is(first, second):
    found = concatenate_targets(first, second)
    np.testing.assert_array_equal(
        found, np.vstack([soft_targets(first, 3), soft_targets(second, 3)])
    )
    assert concatenate_targets(HARD, HARD).tolist() == [2, 0, 2, 2, 0, 2]
