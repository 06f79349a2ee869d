"""`report`: a web page, and its figures as JSON."""

import os
import sys

import pytest
from cli_helpers import labelled_rows, write_csv


@pytest.fixture
def test_file(tmp_path):
    """Eight texts, the last two of which carry the wrong label."""
    rows = list(labelled_rows(8))
    swapped = [(text, "colour" if label == "animal" else "animal") for text, label in rows[6:]]
    return write_csv(tmp_path / "test.csv", rows[:6] + swapped)


def test_a_page_and_its_figures(wave, tiny_model, test_file, few, tmp_path):
    ended = wave("report", tiny_model, "--data", test_file, "--training", few, "--json")
    assert ended.code == 0
    (result,) = ended.lines
    evaluated = wave("evaluate", tiny_model, test_file, "--json").lines[0]
    for name in ("accuracy", "macro_f1", "loss", "ece", "brier", "examples"):
        assert result[name] == evaluated[name]
    assert result["report"] == "report.html"
    assert result["label_errors"] == 2
    assert result["duplicates"] == {"exact": 8, "near": 0}
    assert ended.err == (f"reporting on 8 texts: {test_file}\ncomparing with 60 texts: {few}\n")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.lstrip().startswith("<!doctype html>")
    assert page.rstrip().endswith("</html>")
    assert f"<bdi>{tiny_model}</bdi>" in page
    assert "8 texts of <bdi>test.csv</bdi>, compared with <bdi>few.csv</bdi>" in page


def test_people_are_told_the_file(invoke, tiny_model, tmp_path):
    data = write_csv(tmp_path / "d.csv", [("cat", "animal"), ("", "colour")], "body,kind")
    ended = invoke(
        *("report", tiny_model, "--data", data, "--output", "new/page.html"),
        *("--text-column", "body", "--label-column", "kind"),
    )
    assert (ended.code, ended.out) == (0, "new/page.html\n")
    assert "1 of 2 texts are empty" in ended.err
    assert (tmp_path / "new" / "page.html").is_file()


def test_of_folders_the_test_and_the_train_part_are_used(invoke, tiny_model, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for part, count in (("train", 20), ("validation", 10), ("test", 6)):
        write_csv(folder / f"{part}.csv", labelled_rows(count))
    ended = invoke("report", tiny_model, "--data", folder, "--training", folder, "--json")
    assert ended.lines[0]["examples"] == 6
    assert f"6 texts: {folder} (test)" in ended.err
    assert f"20 texts: {folder} (train)" in ended.err


def test_a_page_that_exists_is_replaced_only_when_told(invoke, tiny_model, test_file, tmp_path):
    page = tmp_path / "report.html"
    page.write_text("mine")
    assert "report.html exists" in invoke("report", tiny_model, "--data", test_file).message
    assert page.read_text() == "mine"
    assert invoke("report", tiny_model, "--data", test_file, "--overwrite").code == 0
    assert page.read_text() != "mine"


def test_without_its_extra_it_says_what_to_install(wave, tiny_model, test_file, tmp_path):
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "sitecustomize.py").write_text(
        "import sys\nsys.modules['jinja2'] = None\n"
    )
    ended = wave(
        *("report", tiny_model, "--data", test_file),
        env={"PYTHONPATH": os.pathsep.join([str(tmp_path / "hidden"), *sys.path])},
    )
    assert 'the report needs the "report" extra' in ended.message
    assert not (tmp_path / "report.html").exists()


def test_labels_that_the_model_does_not_know_write_nothing(invoke, tiny_model, tmp_path):
    data = write_csv(tmp_path / "odd.csv", [("salt", "mineral"), ("cat", "animal")])
    ended = invoke("report", tiny_model, "--data", data)
    assert ended.code == 2
    assert "'mineral'" in ended.err
    assert not (tmp_path / "report.html").exists()


def test_a_missing_model_is_told_before_the_data_are_read(invoke):
    result = invoke("report", "no-model", "--data", "no-data.csv")
    assert result.code == 2
    assert "no-model" in result.err
    assert "no-data" not in result.err


def test_labels_that_training_never_saw_are_counted_as_wrong(invoke, tiny_model, tmp_path):
    rows = [("cat", "animal"), ("oak", "tree"), ("red", "colour"), ("dog", "animal")]
    data = write_csv(tmp_path / "more.csv", rows)
    assert f"row 2 of {data}" in invoke("report", tiny_model, "--data", data).err
    ended = invoke("report", tiny_model, "--data", data, "--unseen", "count", "--json")
    (summary,) = ended.lines
    assert (summary["unseen"], summary["examples"]) == (1, 4)
    assert summary["accuracy"] <= 3 / 4
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "1 of the texts has a label that the model never saw: counted as wrong" in page
