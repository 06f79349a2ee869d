"""How cost grows: the texts, the fits, and a few points measured in earnest."""

import csv
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pytest


def test_texts_have_as_many_tokens_and_classes():
    from growth import Point, make_texts

    texts, labels = make_texts(Point("tokens", 64, "small", 1, None))
    assert len(texts) == len(labels) == 512
    assert {len(text.split()) for text in texts} == {63}  # and [CLS]
    assert sorted(set(labels)) == [0, 1, 2, 3]
    assert all(f"c{label}" in text for text, label in zip(texts, labels, strict=True))
    texts, labels = make_texts(Point("classes", 10_000, "small", 1, None))
    assert np.bincount(labels).tolist() == [10] * 10_000


def test_rows_repeat_until_there_are_enough():
    from growth import Point, make_texts

    texts, labels = make_texts(Point("rows", 3_000, "small", 1, "sample"))
    assert len(texts) == len(labels) == 3_000
    assert len(set(texts)) == 1_400
    assert texts[:1_400] == texts[1_400:2_800]
    assert set(labels) == {0, 1, 2, 3}


def test_exponents():
    from growth import exponent

    values = [10, 100, 1_000, 10_000]
    assert exponent(values, [3 * x for x in values]) == pytest.approx(1)
    assert exponent(values, [5 + x**2 / 1e4 for x in values]) == pytest.approx(2, abs=0.03)
    # What every call costs hides the growth of the first points alone.
    assert exponent(values, [20 + x for x in values]) == pytest.approx(1, abs=0.02)
    assert np.isnan(exponent([10], [1]))
    assert np.isnan(exponent(values, [0, 0, 0, 0]))


@pytest.fixture
def grow(monkeypatch, tmp_path):
    """Run the script for two points in this process, where torch is loaded already."""
    import growth

    def run(check_exit_code, *arguments):
        def check(command, **_):
            return subprocess.CompletedProcess(command, check_exit_code)

        def in_this_process(script, task, *, threads):
            return asdict(growth.measure(growth.Point(**task)))

        monkeypatch.setattr(growth.subprocess, "run", check)
        monkeypatch.setattr(growth, "in_new_process", in_this_process)
        monkeypatch.setattr("conditions.commit", lambda code: "aaaaaaa")
        files = ("--output", str(tmp_path / "growth.csv"), "--plot", str(tmp_path / "growth.svg"))
        options = ("--axes", "tokens", "--most", "64", "--threads", "1", "--preset", "tiny")
        monkeypatch.setattr(sys, "argv", ["growth.py", *options, *files, *arguments])
        growth.main()

    return run


def test_points_are_measured_once_and_drawn(grow, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    grow(0)
    content = (tmp_path / "growth.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(content.splitlines()))
    assert [(row["axis"], row["value"], row["threads"]) for row in rows] == [
        ("tokens", "16", "1"),
        ("tokens", "64", "1"),
    ]
    assert [float(row["tokens"]) for row in rows] == [16, 64]  # a word is a token
    assert all(float(row["train_seconds"]) > 0 and float(row["single_ms"]) > 0 for row in rows)
    assert "| tokens | 16 | 64 | 1 | nan |" in capsys.readouterr().out
    plot = (tmp_path / "growth.svg").read_bytes()
    assert plot.lstrip().startswith(b"<?xml")

    (tmp_path / "growth.svg").unlink()
    grow(0, "--most", "16")  # the other point is drawn nevertheless
    assert (tmp_path / "growth.csv").read_text(encoding="utf-8") == content
    assert (tmp_path / "growth.svg").read_bytes() == plot
    assert "tokens 16, 1 threads, in the file" in capsys.readouterr().err


def test_a_red_check_measures_nothing(grow, tmp_path):
    with pytest.raises(SystemExit, match="the check failed"):
        grow(1)
    assert list(tmp_path.iterdir()) == []


def test_bad_options(scripts):
    for arguments, said in (
        (("--axes", "words"), "'words' is not one of tokens, rows, classes"),
        (("--threads", "many"), "invalid literal"),
    ):
        command = [sys.executable, str(scripts / "growth.py"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 2
        assert said in done.stderr


def test_a_cost_of_nothing_is_left_out_of_the_drawing(scripts):
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    import growth

    row = {"axis": "tokens", "preset": "small", "threads": 1}
    costs = dict.fromkeys(growth.COSTS, 1.0)
    rows = [row | costs | {"value": value, "train_mb": 0.0} for value in (16, 64)]
    figure = Figure()
    growth.draw(rows, figure)
    drawn = {axes.get_ylabel(): len(axes.lines) for axes in figure.axes}
    assert drawn.pop(growth.COSTS["train_mb"]) == 0
    assert set(drawn.values()) == {1}
