"""How many texts a day machines predict: the simulation."""

import pytest


def costs(process=0.0, crowding=1.0):
    from capacity import Costs

    return Costs(job=1.0, process=process, row=0.01, crowding=crowding, cores=2)


def simulated(costs, parts, workers):
    from capacity import simulated

    return simulated(costs, parts, workers)


def test_one_process_takes_one_part_after_the_other():
    assert simulated(costs(), [100, 200, 300], 1) == pytest.approx(1 + 6)


def test_processes_share_the_parts_and_then_the_cores():
    assert simulated(costs(), [100] * 4, 2) == pytest.approx(1 + 2)
    assert simulated(costs(), [100] * 4, 4) == pytest.approx(1 + 2)  # there are but two cores
    assert simulated(costs(), [400, 100, 100, 100], 2) == pytest.approx(1 + 4)  # the largest first
    assert simulated(costs(), [100], 4) == pytest.approx(1 + 1)


def test_starting_processes_and_busy_cores_take_time():
    busy = costs(process=0.5, crowding=1.2)
    assert simulated(busy, [100] * 2, 1) == pytest.approx(1 + 2)
    assert simulated(busy, [100] * 2, 2) == pytest.approx(1 + 1.2 * (0.5 + 1))


def test_the_sums(capsys):
    from capacity import print_sums

    print_sums(100_000, 8.64e9, 200, 0.1)
    said = capsys.readouterr().out
    assert "24.0 core hours; 1.67 cores" in said
    assert "1,728 GB read a day" in said
    assert "2.40 a day" in said
