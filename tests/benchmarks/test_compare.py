"""Comparing models: what is measured, what is refused, what is found in the file."""

import csv
import json
import subprocess
import sys

import pytest


@pytest.fixture
def run(scripts):
    def run(*arguments):
        command = [sys.executable, str(scripts / "compare.py"), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True)

    return run


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_ours_and_a_peer_from_a_few_texts(run, tmp_path):
    output = tmp_path / "new" / "rows.csv"
    models = ("--models", "tiny,tfidf-unigram", "--epochs", "1", "--max-length", "32")
    options = ("--seeds", "1", "--threads", "1", "--per-class", "8", "--output", output)
    done = run("sample", *models, *options)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("right  tiny: ") == 5
    ours, peer = rows_of(output)
    assert (ours["data"], ours["per_class"], ours["model"], ours["seed"]) == (
        *("sample", "8", "tiny", "0"),
    )
    assert (ours["epochs"], peer["epochs"], ours["train_rows"]) == ("1", "", "32")
    assert float(peer["accuracy"]) > 0.3
    assert 0 < float(ours["p50_ms"]) <= float(ours["p90_ms"]) <= float(ours["p99_ms"])
    assert float(ours["cold_seconds"]) > 0.05
    assert peer["cold_seconds"] == ""
    for row in (ours, peer):
        assert 0 < float(row["start_mb"]) <= float(row["train_mb"]) <= float(row["peak_mb"])
    assert f"| tfidf-unigram | {float(peer['accuracy']):.2%}, 1 |" in done.stdout


def test_the_accuracy_alone(run, tmp_path):
    output = tmp_path / "rows.csv"
    options = ("--models", "tfidf-unigram", "--seeds", "1", "--output", output)
    assert run("sample", *options, "--accuracy-only").returncode == 0
    (row,) = rows_of(output)
    assert float(row["accuracy"]) > 0.5
    assert int(row["parameters"]) > 1_000
    assert {row[name] for name in ("train_seconds", "p50_ms", "peak_mb")} == {""}


def test_a_red_check_times_nothing(run, tmp_path):
    output = tmp_path / "rows.csv"
    data = tmp_path / "train.jsonl"  # the check can learn nothing from a single class
    data.write_text('{"text": "a", "label": 0}\n' * 40)
    done = run(tmp_path, "--models", "tfidf-unigram,tiny", "--output", output)
    assert done.returncode == 1
    assert "failed, see above: nothing was timed" in done.stderr
    assert not output.exists()


@pytest.mark.parametrize("again", [False, True])
def test_what_is_in_the_file_is_not_measured_again(scripts, tmp_path, monkeypatch, again):
    import compare

    measured = []

    def measure(script, task, *, threads):
        measured.append(task["model"])
        return {"accuracy": 0.5, "train_seconds": None if task["accuracy_only"] else 1.0}

    monkeypatch.setattr(compare, "in_new_process", measure)
    monkeypatch.setattr("conditions.commit", lambda code: "aaaaaaa")
    records = compare.Records(tmp_path / "rows.csv", compare.KINDS)
    whole = compare.Cell("d/news", None, "small", 0, 2, None, None, None)
    few = compare.Cell("d/news", 8, "small", 0, 2, None, None, None)
    assert compare.measured(records, whole, again=False)["data"] == "news"
    assert compare.measured(records, few, again=False)["per_class"] == 8
    assert compare.measured(records, whole, again=again)["accuracy"] == 0.5
    assert len(measured) == 2 + again
    for commit in ("bbbbbbb", "ccccccc-dirty", "ccccccc-dirty"):
        monkeypatch.setattr("conditions.commit", lambda code, commit=commit: commit)
        compare.measured(records, whole, again=False)
    assert len(measured) == 5 + again


def test_a_row_without_times_is_measured_again_for_them(scripts, tmp_path, monkeypatch):
    import compare

    measured = []

    def measure(script, task, *, threads):
        measured.append(task["accuracy_only"])
        return {"accuracy": 0.5, "train_seconds": None if task["accuracy_only"] else 1.0}

    monkeypatch.setattr(compare, "in_new_process", measure)
    monkeypatch.setattr("conditions.commit", lambda code: "aaaaaaa")
    records = compare.Records(tmp_path / "rows.csv", compare.KINDS)
    cell = compare.Cell("d/news", 8, "small", 0, 2, None, None, None)
    for accuracy_only in (True, True, False, False, True):
        compare.measured(records, cell, again=False, accuracy_only=accuracy_only)
    assert measured == [True, False]


def test_another_file_is_left_alone(run, tmp_path):
    output = tmp_path / "rows.csv"
    output.write_text("a,b\n")
    done = run("sample", "--models", "tfidf-unigram", "--output", output)
    assert done.returncode == 2
    assert "has other columns" in done.stderr
    assert output.read_text() == "a,b\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--models", "tfidf-unigram,nothing"), "'nothing' is not one of small,"),
        (("--per-class", "8,many"), "'8,many' is not a list of whole numbers from 2"),
        (("--seeds", "0"), "--seeds and --threads must be at least 1"),
    ],
)
def test_bad_options(run, arguments, said):
    done = run("sample", *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_no_row_without_a_test_split(run, tmp_path):
    data, output = tmp_path / "rows.jsonl", tmp_path / "rows.csv"
    data.write_text('{"text": "a", "label": 0}\n')
    done = run(data, "--models", "tfidf-unigram", "--seeds", "1", "--output", output)
    assert done.returncode == 1
    assert "has no test split" in done.stderr
    assert "no row for tfidf-unigram on" in done.stderr
    assert not output.exists()


def test_rows_of_each_class_are_drawn_by_the_seed():
    from measure import draw
    from wave_network.data import from_memory

    rows = from_memory([f"text {index}" for index in range(60)], ["a", "b", "c"] * 20)
    drawn = [draw(rows, 5, seed)[:] for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1]
    assert drawn[0]["text"] != drawn[2]["text"]
    assert len(set(drawn[0]["text"])) == 15
    assert sorted(drawn[0]["label"]) == ["a"] * 5 + ["b"] * 5 + ["c"] * 5
    with pytest.raises(SystemExit, match="class 'a' has 20 training texts, not 21"):
        draw(rows, 21, 0)


def test_answers_that_are_not_worth_timing():
    from measure import score

    with pytest.raises(SystemExit, match="3 predictions for 4 texts"):
        score([0, 1, 0], [0, 1, 0, 1], 0.75)
    with pytest.raises(SystemExit, match="hardly better than chance"):
        score([0, 1, 0, 0], [0, 1, 1, 1], 0.75)
    assert score([0, 1, 0, 1], [0, 1, 0, 1], 0.75) == (1.0, 1.0)


def test_the_default_models(scripts):
    import compare

    assert [
        *("small", "tiny", "large", "fasttext-unigram", "fasttext-bigram", "fasttext-autotuned"),
        *("tfidf-unigram", "tfidf-bigram", "model2vec"),
    ] == compare._DEFAULT


def test_the_measured_rows_are_read(scripts):
    """What stands in the repository has the columns of today's script."""
    from measure import KINDS, OUTPUT
    from records import Records

    rows = Records(OUTPUT, KINDS).read()
    assert {"ag_news", "imdb"} <= {row["data"] for row in rows}
    assert all(0 < row["accuracy"] < 1 and row["seed"] in range(10) for row in rows)
    assert json.dumps(rows[0]["commit"]) == '"fd9844d"'
