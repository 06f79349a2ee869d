"""The benchmark that runs the baselines; it is a script beside the package."""

import csv
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "compare.py"


@pytest.fixture(scope="module")
def compare():
    specification = importlib.util.spec_from_file_location("compare", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    sys.modules["compare"] = module
    specification.loader.exec_module(module)
    yield module
    del sys.modules["compare"]


def run(*arguments):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_rows_and_table(compare, tmp_path):
    output = tmp_path / "new" / "rows.csv"
    earlier = dict.fromkeys(compare.COLUMNS, "earlier")
    compare.append(output, earlier)
    done = run("sample", "--models", "tfidf-unigram", "--seeds", "1", "--output", output)
    assert done.returncode == 0, done.stderr
    with output.open(encoding="utf-8", newline="") as file:
        first, row = csv.DictReader(file)
    assert first == earlier
    assert (row["data"], row["model"], row["seed"]) == ("sample", "tfidf-unigram", "0")
    assert float(row["accuracy"]) > 0.8
    assert 0 < float(row["start_mb"]) <= float(row["peak_mb"])
    assert f"| tfidf-unigram | 1 | {float(row['accuracy']):.2%} |" in done.stdout


def test_another_file_is_left_alone(tmp_path):
    output = tmp_path / "rows.csv"
    output.write_text("a,b\n")
    done = run("sample", "--models", "tfidf-unigram", "--output", output)
    assert done.returncode == 2
    assert "has other columns" in done.stderr
    assert output.read_text() == "a,b\n"


def test_unknown_model():
    done = run("sample", "--models", "tfidf-unigram,nothing")
    assert done.returncode == 2
    assert "'nothing' is none of fasttext-unigram," in done.stderr


def test_no_row_without_a_test_split(tmp_path):
    data, output = tmp_path / "rows.jsonl", tmp_path / "rows.csv"
    data.write_text('{"text": "a", "label": 0}\n')
    done = run(data, "--models", "tfidf-unigram", "--seeds", "1", "--output", output)
    assert done.returncode == 1
    assert "has no test split" in done.stderr
    assert not output.exists()


def test_answers_that_are_not_worth_timing(compare):
    with pytest.raises(SystemExit, match="3 predictions for 4 texts"):
        compare.score([0, 1, 0], [0, 1, 0, 1], classes=2)
    with pytest.raises(SystemExit, match="hardly better than chance"):
        compare.score([0, 1, 0, 0], [0, 1, 1, 1], classes=2)
    assert compare.score([0, 1, 0, 1], [0, 1, 0, 1], classes=2) == (1.0, 1.0)


def test_the_range_over_seeds(compare):
    rows = [{"accuracy": value} for value in (0.91, 0.92, 0.93)]
    assert compare._spread(rows, "accuracy", ".1%") == "92.0% (91.0%–93.0%)"
    assert compare._spread(rows[:1], "accuracy", ".1%") == "91.0%"
