"""Few labels: which texts are drawn, what is measured once, the tables and the drawings."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest

from wave_network.data import read_splits


@pytest.fixture
def folder(topics):
    """A folder with one data set, `topics`."""
    return topics.parent


@pytest.fixture
def data(folder, monkeypatch):
    import few_labels_data

    monkeypatch.setattr(few_labels_data, "ARCHIVED", 300)
    monkeypatch.setattr(few_labels_data, "TESTED", 100)
    return few_labels_data.FewLabels(str(folder / "topics"))


def test_a_draw_is_part_of_a_larger_one(data):
    small, same, large, other = (data.draw(*which) for which in ((4, 0), (4, 0), (16, 0), (4, 1)))
    assert small == same != other
    assert set(small.texts) < set(large.texts)
    assert [small.labels.count(name) for name in data.classes] == [4] * len(data.classes)
    with pytest.raises(SystemExit, match="texts, not 100000"):
        data.draw(100_000, 0)


def test_no_labelled_text_counts_as_unlabelled(data):
    labelled = data.draw(64, 0)
    left = {data.archive[place] for place in data.unlabelled(labelled)}
    assert len(data.archive) == 300
    assert not left & set(labelled.texts)
    assert left | set(labelled.texts) > set(data.archive)


def test_the_test_sample_is_of_the_test_split(data, folder):
    import few_labels_data

    splits = read_splits(str(folder / "topics"))
    assert len(data.test.texts) == 100
    assert set(data.test.texts) <= set(splits.test["text"])
    held_out = few_labels_data.FewLabels(str(folder / "topics"), held_out=True)
    assert set(held_out.test.texts) <= set(splits.train["text"])
    drawn = held_out.draw(64, 0).texts + held_out.archive
    assert not set(held_out.test.texts) & set(drawn)


def test_peers_that_learn_from_the_archive(data, tmp_path):
    from few_labels_models import MODELS
    from few_labels_peers import Setup

    labelled = data.draw(64, 0)
    for name in ("self-training", "label-spreading"):
        model = MODELS[name](Setup(data.archive, tmp_path, 1))
        model.prepare()
        model.fit(labelled, data.unlabelled(labelled), 0)
        right = model.predict(data.test.texts) == np.array(data.test.labels)
        assert np.mean(right) > 0.3, name
        assert model.size_bytes() > 10_000


def test_peers_of_other_libraries(data, tmp_path, monkeypatch):
    fasttext = pytest.importorskip("fasttext")
    from few_labels_peers import FastText, Setup

    labelled = data.draw(64, 0)
    model = FastText(Setup(data.archive, tmp_path, 1))
    model.prepare()
    model.fit(labelled, np.empty(0, np.intp), 0)
    right = model.predict(data.test.texts) == np.array(data.test.labels)
    assert fasttext
    assert np.mean(right) > 0.4
    assert model.size_bytes() > 10_000


def test_ours(data, tmp_path):
    from few_labels_models import MODELS
    from few_labels_peers import Setup

    labelled = data.draw(16, 0)
    model = MODELS["small"](Setup(data.archive, tmp_path, 1))
    model.fit(labelled, np.empty(0, np.intp), 0)
    right = model.predict(data.test.texts) == np.array(data.test.labels)
    assert np.mean(right) > 0.3
    assert model.size_bytes() > 100_000


def test_a_text_is_encoded_once(tmp_path, monkeypatch):
    from pretrained import Encoder

    asked = []

    def compute(self, texts):
        asked.extend(texts)
        return np.array([[len(text), 1] for text in texts], np.float32)

    monkeypatch.setattr(Encoder, "_compute", compute)
    encoder = Encoder(tmp_path / "cache")
    assert encoder.encode(["ab", "a", "ab"]).tolist() == [[2, 1], [1, 1], [2, 1]]
    assert Encoder(tmp_path / "cache").encode(["abc", "a"]).tolist() == [[3, 1], [1, 1]]
    assert asked == ["a", "ab", "abc"]


def test_the_script(scripts, folder, tmp_path):
    output, plots = tmp_path / "rows.csv", tmp_path / "plots"

    def run(*arguments):
        options = ("--sets", "topics", "--draws", "1", "--threads", "1")
        places = ("--output", output, "--plots", plots, "--cache", tmp_path)
        script = scripts / "few_labels.py"
        command = [sys.executable, script, folder, *options, *places, *arguments]
        return subprocess.run([*map(str, command)], capture_output=True, text=True)

    done = run("--models", "tfidf-bigram", "--per-class", "4,8")
    assert done.returncode == 0, done.stderr
    with output.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["model"], row["per_class"]) for row in rows] == [
        *(("tfidf-bigram", "4"), ("tfidf-bigram", "8")),
    ]
    for row in rows:
        assert (int(row["train_rows"]), row["unlabelled_rows"]) == (
            int(row["classes"]) * int(row["per_class"]),
            "0",
        )
        assert float(row["accuracy"]) > 1 / int(row["classes"])
        assert float(row["train_seconds"]) > 0
    assert "| tfidf-bigram | " in done.stdout
    assert (plots / "few_labels_topics.svg").read_text().lstrip().startswith("<?xml")
    failing = run("--models", "tfidf-bigram", "--per-class", "100000", "--accuracy-only")
    assert failing.returncode == 1
    assert "no row for tfidf-bigram on topics, 100000 a class (seed 0): see above" in failing.stderr


def test_only_what_is_missing_is_measured(folder, tmp_path, monkeypatch):
    import few_labels
    from records import Records

    asked = []

    def answers(script, task, *, threads):
        asked.extend((cell["model"], cell["per_class"], cell["seed"]) for cell in task["cells"])
        assert threads == task["threads"]
        assert threads == 2 or not task["timed"]
        for _ in task["cells"]:
            yield {"accuracy": 0.5, "threads": threads if task["timed"] else None}

    def measure(*arguments):
        monkeypatch.setattr("sys.argv", ["few_labels.py", str(folder), *arguments])
        options = few_labels.parse()
        records = Records(tmp_path / "rows.csv", few_labels.KINDS)
        for model in options.models:
            wanted = few_labels.missing(records, "topics", model, options)
            if wanted:
                few_labels.measured(records, wanted, options)

    monkeypatch.setattr("few_labels.answers_of_new_process", answers)
    monkeypatch.setattr("conditions.commit", lambda code: "aaaaaaa")
    common = ("--models", "tfidf-bigram,encoder", "--draws", "1")
    measure(*common, "--per-class", "8", "--accuracy-only")
    measure(*common, "--per-class", "8,64", "--accuracy-only")
    measure(*common, "--per-class", "8")  # the encoder has no times
    assert asked == [
        *(("tfidf-bigram", 8, 0), ("encoder", 8, 0)),
        *(("tfidf-bigram", 64, 0), ("encoder", 64, 0)),
        ("tfidf-bigram", 8, 0),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--models", "small,nothing"), "'nothing' is not one of small, small:unlabelled,"),
        (("--per-class", "1"), "'1' is not a list of whole numbers from 2"),
    ],
)
def test_bad_options(folder, monkeypatch, capsys, arguments, said):
    import few_labels

    monkeypatch.setattr("sys.argv", ["few_labels.py", str(folder), *arguments])
    with pytest.raises(SystemExit):
        few_labels.parse()
    assert said in capsys.readouterr().err


def test_the_table_and_the_drawing(row):
    from few_labels_tables import draw, tables

    costs = {"prepare_seconds": 2.0, "train_seconds": 1.0}
    rows = [
        row(per_class=8, train_rows=32, seed=seed, accuracy=0.5 + 0.1 * seed, **costs)
        for seed in (0, 1)
    ]
    rows.append(row(per_class=64, train_rows=256, accuracy=0.8, model="small:both", **costs))
    text = tables(rows)
    assert "| model | 8 a class | 64 a class | macro F1 | archive s | train s | MB |" in text
    lines = [line for line in text.splitlines() if line.startswith("| small")]
    assert lines == [
        "| small:both | – | 80.0 | 90.0 | 2.0 | –, – | 4.0 |",
        "| small | 55.0 (50.0–60.0) | – | – | 2.0 | 1.0, – | – |",
    ]
    assert tables([]) == "No rows."
    pytest.importorskip("matplotlib")
    assert list(draw(rows)) == ["few_labels_news.svg"]


def test_the_measured_rows_are_read():
    """What stands in the repository has the columns of today's script."""
    from few_labels import KINDS, OUTPUT, SETS
    from records import Records

    rows = Records(OUTPUT, KINDS).read()
    assert {row["data"] for row in rows} == set(SETS)
    assert all(0 < row["accuracy"] < 1 for row in rows)
    assert json.dumps(rows[0]["seed"]) == "0"


def test_settings_are_compared_on_training_rows(data, folder, tmp_path, monkeypatch, capsys):
    import few_labels_settings

    monkeypatch.setattr("sys.argv", ["few_labels_settings.py", str(folder / "topics")])
    monkeypatch.setattr("sys.argv", [*sys.argv, "--peers", "self-training", "--draws", "1"])
    monkeypatch.setattr("sys.argv", [*sys.argv, "--per-class", "32", "--cache", str(tmp_path)])
    candidates = few_labels_settings.CANDIDATES["self-training"]
    chosen = {"threshold 0.75, C 10": candidates["threshold 0.75, C 10"]}
    monkeypatch.setattr(few_labels_settings, "CANDIDATES", {"self-training": chosen})
    few_labels_settings.main()
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("self-training, 32 a class, threshold 0.75, C 10: ")
    assert float(line.split(": ")[1].split()[0]) > 30
