import json

import pytest
from cli_helpers import labelled_rows, write_csv


@pytest.fixture
def three(tmp_path):
    """Three animals, one of them labelled as a colour."""
    rows = [("cat and dog", "animal"), ("otter and heron", "animal"), ("horse and cat", "colour")]
    return write_csv(tmp_path / "three.csv", rows)


def test_json_has_every_figure_and_stands_alone_on_stdout(wave, tiny_model, three):
    ended = wave("evaluate", tiny_model, three, "--json")
    assert ended.code == 0
    (report,) = ended.lines
    assert report.pop("loss") > 0
    assert 0 < report.pop("ece") < 1
    assert 0 < report.pop("brier") < 2
    assert report == {
        "accuracy": pytest.approx(2 / 3),
        "macro_f1": pytest.approx(0.4),
        "per_class": {
            "animal": {
                "precision": pytest.approx(2 / 3),
                "recall": 1.0,
                "f1": pytest.approx(0.8),
                "support": 2,
            },
            "colour": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1},
        },
        "confusion": {"labels": ["animal", "colour"], "matrix": [[2, 0], [1, 0]]},
        "examples": 3,
        "truncated": {"texts": 0, "tokens": 0.0},
        "data": {"source": str(three), "empty": 0, "duplicates": 0},
    }
    assert list(json.loads(ended.out)) == [
        "accuracy",
        "macro_f1",
        "loss",
        "ece",
        "brier",
        "per_class",
        "confusion",
        "examples",
        "truncated",
        "data",
    ]
    assert ended.err == f"evaluating on 3 texts: {three}\n"


def test_thresholds_tell_how_many_are_answered_and_how_well(invoke, tiny_model, three):
    arguments = ("evaluate", tiny_model, three, "--threshold", 0, "--threshold", 1)
    (report,) = invoke(*arguments, "--json").lines
    everything, nothing = report["thresholds"]
    assert everything == {"threshold": 0.0, "answered": 1.0, "accuracy": pytest.approx(2 / 3)}
    assert nothing == {"threshold": 1.0, "answered": 0.0, "accuracy": None}
    assert "accuracy of these" in invoke(*arguments).out
    assert "thresholds" not in invoke("evaluate", tiny_model, three, "--json").lines[0]


def test_coverage_tells_what_the_sets_hold(invoke, tiny_model, three):
    from wave_network import load

    arguments = ("evaluate", tiny_model, three, "--coverage", 0.8)
    (report,) = invoke(*arguments, "--json").lines
    sets = load(tiny_model).predict_sets(["cat and dog", "otter and heron", "horse and cat"], 0.8)
    truth = ("animal", "animal", "colour")
    assert report["sets"] == {
        "asked": 0.8,
        "coverage": pytest.approx(sum(y in s for y, s in zip(truth, sets, strict=True)) / 3),
        "mean_size": pytest.approx(sum(map(len, sets)) / 3),
        "empty": pytest.approx(sum(not s for s in sets) / 3),
    }
    assert "target coverage" in invoke(*arguments).out


def test_people_get_tables(invoke, tiny_model, three):
    ended = invoke("evaluate", tiny_model, three)
    assert ended.code == 0
    for words in ("3 texts", "0.6667", "precision", "Confusion (rows: true, columns: predicted)"):
        assert words in ended.out


def test_integer_labels_stay_integers(invoke, number_model, tmp_path):
    rows = [(text, 3 if label == "animal" else 20) for text, label in labelled_rows(12)]
    data = write_csv(tmp_path / "numbers.csv", rows)
    (report,) = invoke("evaluate", number_model, data, "--json").lines
    assert report["confusion"]["labels"] == [3, 20]
    assert list(report["per_class"]) == ["3", "20"]
    assert report["accuracy"] == 1.0


def test_of_a_folder_the_test_part_is_used(invoke, tiny_model, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for part, count in (("train", 20), ("validation", 10), ("test", 6)):
        write_csv(folder / f"{part}.csv", labelled_rows(count))
    ended = invoke("evaluate", tiny_model, folder, "--json")
    assert ended.lines[0]["examples"] == 6
    assert ended.err == f"evaluating on 6 texts: {folder} (test)\n"


def test_the_figures_equal_those_that_training_printed(invoke, few, tmp_path):
    test = write_csv(tmp_path / "test.csv", labelled_rows(24))
    trained = invoke(
        "train", few, "--preset", "tiny", "--epochs", 2, "--test", test, "--json"
    ).lines[0]
    (report,) = invoke("evaluate", "wave-model", test, "--json").lines
    for name, value in trained["test"].items():
        assert report[name] == pytest.approx(value)


def test_empty_texts_are_kept_and_reported(invoke, tiny_model, tmp_path):
    data = write_csv(tmp_path / "gaps.csv", [("", "animal"), ("cat", "animal"), (" ", "colour")])
    ended = invoke("evaluate", tiny_model, data, "--json")
    assert ended.lines[0]["examples"] == 3
    assert "2 of 3 texts are empty" in ended.err


@pytest.mark.parametrize("label", ["[red]", "[/x]", ":smile:", "a\\[b]", "[link=http://x]"])
def test_a_label_is_printed_as_it_is(invoke, tmp_path, label):
    rows = [(text, label if name == "animal" else "other") for text, name in labelled_rows(20)]
    data = write_csv(tmp_path / "odd.csv", rows)
    assert invoke("train", data, "--preset", "tiny", "--epochs", 1).code == 0
    ended = invoke("evaluate", "wave-model", data)
    assert ended.code == 0
    assert ended.out.count(label) == 3  # per class, and in both directions of the confusion


def test_labels_that_training_never_saw_are_refused_or_counted_as_wrong(
    invoke, tiny_model, tmp_path
):
    rows = [("cat", "animal"), ("oak", "tree"), ("red", "colour")]
    data = write_csv(tmp_path / "more.csv", rows)
    ended = invoke("evaluate", tiny_model, data)
    assert f"(the first: row 2 of {data}), or count them as wrong with --unseen count" in ended.err
    ended = invoke("evaluate", tiny_model, data, "--unseen", "count", "--json", "--coverage", 0.5)
    (report,) = ended.lines
    assert (report["unseen"], report["examples"]) == (1, 3)
    assert report["accuracy"] <= 2 / 3
    assert report["per_class"]["tree"]["f1"] == 0
    assert report["sets"]["coverage"] <= 2 / 3
    assert "1 text with labels that training never saw: counted as wrong" in ended.err


def test_what_is_not_read_of_texts_is_said(invoke, tiny_model, tmp_path):
    data = write_csv(tmp_path / "long.csv", [("cat " * 2_000, "animal"), ("red", "colour")] * 2)
    ended = invoke("evaluate", tiny_model, data, "--json")
    (report,) = ended.lines
    assert report["truncated"]["texts"] == 2
    assert report["truncated"]["tokens"] == pytest.approx(1 - (2 * 511 + 2) / (2 * 2_000 + 2))
    assert report["data"]["duplicates"] == 2
    assert "2 of 4 texts with more than the 512 tokens that are read: 74" in ended.err
    assert "train with --max-length, up to 2001" in ended.err
    assert "2 of 4 texts equal to an earlier one" in ended.err
    assert "74." in invoke("predict", tiny_model, "--input", data).err
