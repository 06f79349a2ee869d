import os
import time
from contextlib import suppress

import pytest

from wave_network.progress.display import Display
from wave_network.progress.stages import Stage, expect, follow, stage, tracked


@pytest.fixture
def display():
    with Display() as display:
        yield display


def ago(age, *arguments, **options):
    """A stage that began some time ago."""
    running = Stage(*arguments, **options)
    running.started = time.perf_counter() - age
    return running


def test_the_time_left_follows_from_the_share():
    running = ago(30, "predicting", 400)
    assert (running.share, running.left) == (0, None)  # nothing is known yet
    running.advance(100)
    assert running.share == 0.25
    assert running.left == pytest.approx(90, rel=0.01)
    running.done = 500  # more than was expected
    assert (running.share, running.left) == (1, 0)


def test_without_a_known_end_there_is_no_time_left():
    running = ago(30, "reading")
    running.advance(100)
    assert (running.share, running.left) == (None, None)


def test_whoever_measures_otherwise_says_the_share():
    running = ago(10, "predicting")
    running.reach(0.25)
    assert running.share == 0.25
    assert running.left == pytest.approx(30, rel=0.01)


def test_a_budget_of_time_is_a_share_too():
    running = ago(30, "tuning", 8, seconds=120)
    assert running.left == pytest.approx(90, rel=0.01)
    running.done = 4
    assert running.left == pytest.approx(30, rel=0.01)
    assert ago(30, "tuning", seconds=120).share == pytest.approx(0.25, rel=0.01)


def test_a_file_is_followed_until_it_is_closed(tmp_path, display):
    path = tmp_path / "texts.txt"
    path.write_bytes(b"x" * 1_000)
    with stage("reading") as running:
        with path.open("rb", buffering=0) as file:
            follow(file)
            file.read(250)
            assert running.share == 0.25
        assert running.share == 0.25
    reader, writer = os.pipe()  # has no end to measure by
    with stage("reading") as running, os.fdopen(reader, "rb") as file:
        follow(file)
        assert running.share is None
    os.close(writer)


def test_stages_end_however_they_are_left(display):
    with suppress(KeyboardInterrupt), stage("outer"):
        assert display.measured().name == "outer"
        raise KeyboardInterrupt
    assert display.measured() is None
    values = tracked(range(3), "inner")
    next(values)
    assert display.measured().name == "inner"
    values.close()
    assert display.measured() is None


def test_what_is_iterated_over_is_counted(display):
    chunks = tracked([[1, 2], [3]], total=3, units_in=len)
    next(chunks)
    running = display.measured()
    next(chunks)
    assert (running.done, running.total) == (2, 3)
    texts = tracked(["a", "b"])
    next(texts)
    expect(2)
    assert display.measured().total == 2


def test_where_nothing_is_shown_stages_are_silent(capsys):
    expect(5)
    with stage("reading") as running:
        running.advance()
    assert list(tracked(range(3), "counting")) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")
