import re
import time
from io import StringIO

import pytest

from wave_network.progress import display as displays
from wave_network.progress.display import Display, described
from wave_network.progress.stages import Stage, say, stage


class Terminal(StringIO):
    """Stands for a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(displays, "_SHOWN_AFTER", 0.0)
    monkeypatch.setattr(displays, "_REDRAWN_AFTER", 0.01)
    monkeypatch.setattr(displays, "_LINES_APART", 0.01)


def ago(age, *arguments, done=0, **options):
    running = Stage(*arguments, **options)
    running.started, running.done = time.perf_counter() - age, done
    return running


def shown(stream, text):
    """Wait until the text is drawn."""
    end = time.perf_counter() + 10
    while text not in stream.getvalue():
        assert time.perf_counter() < end, stream.getvalue()
        time.sleep(0.005)


def test_a_known_end_has_a_share_a_rate_and_the_time_left():
    running = ago(100, "predicting", 4_000, done=1_000)
    running.detail = "loss 0.500"
    assert described([running], bar="#-") == [
        *("predicting", "####------------", "25%", "0:05:00 left"),
        *("1,000 of 4,000 texts", "10/s", "loss 0.500"),
    ]


@pytest.mark.parametrize(("seconds", "shown"), [(40, "0:00:40 so far"), (3_723, "1:02:03 so far")])
def test_without_a_known_end_no_time_is_called_left(seconds, shown):
    assert described([ago(seconds, "fitting the linear part")]) == [
        "fitting the linear part",
        shown,
    ]
    counted = described([ago(100, "reading", done=50)])
    assert counted == ["reading", "0:01:40 so far", "50 texts", "0.5/s"]


def test_a_stage_stands_after_those_around_it():
    tuning = ago(60, "tuning", 10, "trials", seconds=240)
    inner = ago(10, "trial 3: training", 8, "steps", done=4)
    part = ago(10, "", 8, done=4)
    assert described([tuning, inner, part])[0] == (
        "tuning (25%, 0:03:00 left): trial 3: training (50%, 0:00:10 left)"
    )
    assert described([ago(10, "reading a.csv"), part])[0] == "reading a.csv"


def test_names_of_files_do_not_steer_the_terminal():
    assert described([ago(1, "reading \x1b]0;a.csv")])[0] == "reading \\x1b]0;a.csv"


def test_a_terminal_has_one_line_that_is_cleared(quick):
    stream = Terminal()
    with Display(stream), stage("reading", 2) as running:
        running.advance()
        shown(stream, "50%")
        say("epoch 1")
        running.detail = "more"
        shown(stream, "more")
    drawn = stream.getvalue()
    assert "\r\x1b[Kepoch 1\n" in drawn  # the line makes way, and comes back
    assert drawn.count("\n") == 1
    assert drawn.endswith("\r\x1b[K")


def test_other_output_gets_plain_lines(quick):
    stream = StringIO()
    with Display(stream), stage("reading", 2) as running:
        running.advance()
        shown(stream, "\n")
    assert re.match(r"reading, 50%, 0:00:00 left, 1 of 2 texts, \S+/s\n", stream.getvalue())
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("stream", [Terminal(), StringIO()])
def test_a_short_stage_is_not_shown(stream, monkeypatch):
    monkeypatch.setattr(displays, "_REDRAWN_AFTER", 0.01)
    monkeypatch.setattr(displays, "_LINES_APART", 0.01)
    with Display(stream), stage("reading"):
        time.sleep(0.1)
    assert stream.getvalue() == ""


def test_lines_of_other_output_are_far_apart():
    assert displays._LINES_APART >= 10


def test_a_narrow_terminal_is_not_overrun(quick, monkeypatch):
    monkeypatch.setattr(displays, "width_of", lambda _: 20)
    stream = Terminal()
    with Display(stream), stage("reading 新聞新聞新聞新聞新聞.csv"):
        shown(stream, "…")
    assert "\rreading 新聞新聞新…\x1b[K" in stream.getvalue()


class Gone(Terminal):
    """Stands for a terminal that was closed."""

    def write(self, text):
        self.tried = True
        raise OSError(5, "Input/output error")


def test_a_terminal_that_is_gone_ends_nothing(quick):
    stream = Gone()
    with Display(stream), stage("reading"):
        say("epoch 1")
        time.sleep(0.05)
    assert stream.tried
