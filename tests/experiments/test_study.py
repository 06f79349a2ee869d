import csv
import json

import pytest

from wave_network.errors import OutputError
from wave_network.experiments.study import grouped

KEY = {"dataset": "ag_news", "model": "wave-modulation", "seed": 0, "limit": None}


def run_files(study):
    return sorted((study.options.output / "runs" / "accuracy").iterdir())


def store(study, rows, **key):
    return study.once("accuracy", {**KEY, **key}, lambda: rows)


def test_a_run_is_measured_once_and_each_row_begins_with_its_key(study):
    calls = []

    def measure():
        calls.append(1)
        yield {"batch": 10, "accuracy": 0.5}
        yield {"batch": 20, "accuracy": 0.75}

    expected = [
        {**KEY, "batch": 10, "accuracy": 0.5},
        {**KEY, "batch": 20, "accuracy": 0.75},
    ]
    assert study.once("accuracy", KEY, measure) == expected
    assert study.once("accuracy", KEY, measure) == expected
    assert len(calls) == 1
    assert list(study.rows("accuracy")[0]) == [*KEY, "batch", "accuracy"]


def test_a_run_is_told_once_by_its_key(study):
    store(study, [])
    store(study, [])
    told = study.console.file.getvalue()
    assert told == "accuracy: ag_news, wave-modulation, seed 0\n"


def test_a_study_of_the_same_folder_goes_on_where_the_last_one_stopped(study):
    def broken():
        yield {"accuracy": 0.5}
        raise KeyboardInterrupt

    store(study, [{"accuracy": 0.25}])
    with pytest.raises(KeyboardInterrupt):
        study.once("accuracy", {**KEY, "seed": 1}, broken)
    resumed = type(study)(study.options, study.console)
    assert [row["seed"] for row in resumed.rows("accuracy")] == [0]
    assert resumed.once("accuracy", KEY, broken)[0]["accuracy"] == 0.25
    assert resumed.once("accuracy", {**KEY, "seed": 1}, lambda: [{"accuracy": 1.0}])
    assert [row["accuracy"] for row in resumed.rows("accuracy")] == [0.25, 1.0]


def test_different_keys_are_different_runs(study):
    store(study, [{"accuracy": 1}])
    store(study, [{"accuracy": 2}], seed=1)
    store(study, [{"accuracy": 3}], limit=0)
    store(study, [{"accuracy": 4}], dataset="imdb")
    assert sorted(row["accuracy"] for row in study.rows("accuracy")) == [1, 2, 3, 4]
    assert study.rows("baselines") == []


@pytest.mark.parametrize(
    "content", ["", "[]", '"text"', '{"rows": []}', '{"key": {}, "conditions"', "\0"]
)
def test_a_damaged_run_is_named_with_what_to_do(study, content):
    store(study, [{"accuracy": 1}])
    (path,) = run_files(study)
    path.write_text(content)
    for read in (
        lambda: store(study, []),
        lambda: study.rows("accuracy"),
        lambda: study.conditions("accuracy"),
        lambda: study.write_csv("accuracy"),
    ):
        with pytest.raises(OutputError, match="delete it to measure it again") as raised:
            read()
        assert str(path) in str(raised.value)


def test_the_csv_file_has_every_column_but_the_hidden_ones(study):
    store(study, [{"accuracy": 0.5, "_correct": "3:a0"}])
    store(study, [{"accuracy": 0.75, "extra": "a, b", "_correct": "3:e0"}], seed=1)
    path = study.write_csv("accuracy")
    assert path == study.options.output / "data" / "accuracy.csv"
    with path.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == [*KEY, "accuracy", "extra"]
    assert rows == [
        ["ag_news", "wave-modulation", "0", "", "0.5", ""],
        ["ag_news", "wave-modulation", "1", "", "0.75", "a, b"],
    ]


def test_there_is_no_csv_file_without_rows(study):
    store(study, [])
    assert study.write_csv("accuracy") is None
    assert not (study.options.output / "data").exists()


def test_runs_under_the_same_conditions_are_told_as_one(study):
    assert study.conditions("accuracy") == []
    store(study, [{"accuracy": 1}])
    (first,) = study.conditions("accuracy")
    assert {"cores", "threads", "gpu", "torch", "python"} <= first.keys()
    assert not {"date", "seconds"} & first.keys()
    store(study, [{"accuracy": 2}], seed=1)
    assert study.conditions("accuracy") == [first]
    path, _ = run_files(study)
    run = json.loads(path.read_text("utf-8"))
    run["conditions"]["cores"] = 96
    path.write_text(json.dumps(run), "utf-8")
    assert sorted(one["cores"] for one in study.conditions("accuracy")) == sorted(
        [first["cores"], 96]
    )


def test_the_options_that_change_what_is_measured_are_part_of_the_key(study):
    key = study.key(dataset="imdb", seed=2)
    assert key == {
        "dataset": "imdb",
        "seed": 2,
        "epochs": study.options.epochs,
        "limit": study.options.limit,
    }


def test_rows_are_grouped_in_the_order_in_which_they_come():
    rows = [{"a": 2, "b": 1}, {"a": 1, "b": 2}, {"a": 2, "b": 3}]
    assert grouped(rows, ["a"]) == {(2,): [rows[0], rows[2]], (1,): [rows[1]]}
    assert list(grouped(rows, ["a"])) == [(2,), (1,)]
