import math

import numpy as np
import pytest

from wave_network.models.wave.positions import sinusoidal_positions


@pytest.mark.parametrize(("length", "size"), [(5, 8), (3, 7), (1, 1), (40, 6)])
def test_entries_by_the_printed_formula(length, size):
    table = sinusoidal_positions(length, size, 0.1)
    assert table.dtype == np.float32
    assert table.shape == (length, size)
    for position in range(length):
        for column in range(size):
            angle = position / 10_000 ** (2 * (column // 2) / size)
            value = math.cos(angle) if column % 2 else math.sin(angle)
            assert table[position, column] == pytest.approx(0.1 * math.sqrt(2) * value, abs=1e-7)


@pytest.mark.parametrize("scale", [0.02, 1.0])
def test_root_mean_square_is_the_scale(scale):
    table = sinusoidal_positions(64, 128, scale).astype(np.float64)
    np.testing.assert_allclose(np.sqrt(np.square(table).mean(axis=1)), scale, rtol=1e-6)


def test_places_differ_and_a_longer_table_begins_with_the_shorter():
    table = sinusoidal_positions(512, 64, 1.0)
    gaps = np.linalg.norm(table[:, None] - table[None], axis=2) + np.eye(512)
    assert gaps.min() > 0.1
    np.testing.assert_array_equal(table[:100], sinusoidal_positions(100, 64, 1.0))
