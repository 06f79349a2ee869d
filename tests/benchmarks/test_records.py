"""The files of measured rows, and the leaderboards made of them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest


@dataclass
class Thing:
    commit: str
    name: str | None
    seed: int
    amount: int | None
    share: float


@pytest.fixture
def records(tmp_path):
    from records import Records

    return Records(tmp_path / "folder" / "rows.csv", [Thing])


def test_values_come_back_as_they_were(records):
    rows = [
        {"commit": "12e4567", "name": None, "seed": 0, "amount": 8, "share": 0.5},
        {"commit": "1234567", "name": "a, b", "seed": 1, "amount": None, "share": 1.0},
    ]
    assert records.read() == []
    for row in rows:
        records.append(row)
    assert records.read() == rows
    assert records.find({"commit": "1234567", "seed": 1}) == rows[1]
    assert records.find({"commit": "1234567", "seed": 0}) is None


def test_rows_of_changed_code_are_not_found(records):
    row = {"commit": "1234567-dirty", "name": None, "seed": 0, "amount": 8, "share": 0.5}
    records.append(row)
    assert records.find({"commit": "1234567-dirty", "seed": 0}) is None


def test_the_commit_measured_last_counts(row):
    from records import newest

    rows = [
        row(commit="a", seed=0, accuracy=0.1),
        row(commit="a", seed=1, accuracy=0.2),
        row(commit="b", seed=0, accuracy=0.3),
        row(commit="b", seed=0, accuracy=0.4),
        row(commit="b-dirty", seed=1, accuracy=0.5),
        row(commit="a", seed=0, accuracy=0.6, model="large"),
    ]
    kept = newest(rows, ("data", "model"))
    assert [one["accuracy"] for one in kept] == [0.4, 0.5, 0.6]


def test_the_leaderboard(row):
    from tables import leaderboards

    rows = [
        row(seed=0, accuracy=0.91, cold_seconds=0.3, waves_accuracy=0.9, linear_accuracy=0.8),
        row(seed=1, accuracy=0.93, cold_seconds=0.5, waves_accuracy=0.91, linear_accuracy=0.9),
        row(model="tfidf-bigram", accuracy=0.925),
        row(model="tfidf-bigram", accuracy=0.5, per_class=8, train_rows=32),
        row(model="small", accuracy=0.8, commit="bbbbbbb", p50_ms=None, train_mb=None, epochs=1),
    ]
    text = leaderboards(rows)
    first, second = text.removeprefix("news: ").split("\n\nnews, ")
    assert "1,000 training and 500 test texts, 4 classes; 2 of 2 cores, Some Processor" in first
    assert "commit aaaaaaa, bbbbbbb." in first
    lines = [line for line in first.splitlines() if line[:3] in ("| 1", "| 2", "| 3")]
    assert [line.split(" | ")[1] for line in lines] == ["tfidf-bigram", "small", "small, 1 epochs"]
    assert "| 2 | 92.00% (91.00%–93.00%) | 90.50% | 85.00% | 90.00% | 1,000,000 |" in lines[1]
    assert "| 1,000,000 | 4.0 | 10.0 | 50 |" in lines[1]
    assert lines[1].endswith("| 1,000 | 0.100 | 0.40 |")
    assert lines[2].endswith("| 10.0 | – | 1,000 | – | – |")
    assert second.startswith("4 classes, 500 test texts; commit aaaaaaa.\n\n| model | 8 a class |")
    assert leaderboards([]) == "No rows."


def test_few_labels_stand_side_by_side(row):
    from tables import FEW_LABELS_NOTE, NOTE, leaderboards

    rows = [
        row(model="tfidf-bigram", accuracy=0.5, per_class=8),
        row(model="tfidf-bigram", accuracy=0.9, per_class=1_000),
        row(accuracy=0.7, per_class=8, seed=0),
        row(accuracy=0.8, per_class=8, seed=1),
    ]
    assert leaderboards(rows).splitlines() == [
        "news, 4 classes, 500 test texts; commit aaaaaaa.",
        "",
        "| model | 8 a class | 1,000 a class |",
        "| --- | ---: | ---: |",
        "| small | 75.00% (70.00%–80.00%), 2 | – |",
        "| tfidf-bigram | 50.00%, 1 | 90.00%, 1 |",
        "",
        FEW_LABELS_NOTE,
    ]
    assert NOTE not in leaderboards(rows)


def test_what_a_row_says_of_the_code_and_the_machine():
    from conditions import commit, machine

    assert re.fullmatch(r"(unknown|[0-9a-f]{7,})(-dirty)?", commit())
    assert machine()
