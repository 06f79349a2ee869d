"""Jobs: every row is answered once, whatever happens, and no whole part is made again."""

import json
import os
from pathlib import Path

import pytest
from pyarrow import parquet

from wave_network import load
from wave_network._native.threads import using
from wave_network.data.read_options import ReadOptions
from wave_network.errors import DataError, ModelFolderError, OutputError
from wave_network.persistence.one_run import one_run
from wave_network.scale import local
from wave_network.scale.answers import Answers
from wave_network.scale.job import predict_parts
from wave_network.scale.manifest import MANIFEST

KEPT = Answers(keep_columns=True)


@pytest.fixture
def predict(tmp_path, model, parts):
    """Predict the parts into the folder `out`."""

    def run(answers=KEPT, *, processes=1, names=("part-*.jsonl",), model=model, **options):
        with using(processes):
            names = [str(parts / name) for name in names]
            return predict_parts(str(model), names, tmp_path / "out", answers, **options)

    return run


@pytest.fixture
def rows(tmp_path):
    """The rows that were written, in the order of the parts."""

    def read():
        files = sorted((tmp_path / "out").glob("part-*"))
        return [json.loads(line) for path in files for line in path.read_text().splitlines()]

    return read


def keys(rows):
    return [row["key"] for row in rows]


ALL = [f"{number}-{row}" for number in range(6) for row in range(50)]


@pytest.mark.parametrize("processes", [1, 2])
def test_each_row_is_answered_once_as_by_the_model(predict, rows, model, processes):
    report = predict(processes=processes)
    assert (report.parts, report.skipped) == (6, 0)
    assert (report.read.rows, report.read.empty, report.read.duplicates) == (300, 6, 0)
    assert keys(rows()) == ALL
    expected = load(model).predict([row["text"] for row in rows()])
    assert [row["label"] for row in rows()] == [one.label for one in expected]
    assert [row["score"] for row in rows()] == pytest.approx(
        [one.score for one in expected], rel=2e-6
    )


def test_parts_that_are_there_are_left(predict, rows, tmp_path, parts):
    predict(names=["part-1.jsonl", "part-4.jsonl"])
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("part-*")}
    report = predict()
    assert (report.parts, report.skipped, report.read.rows) == (6, 2, 200)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert keys(rows()) == ALL
    assert predict().skipped == 6
    (parts / "part-6.jsonl").write_text('{"key": "6-0", "text": "more"}\n')
    assert (predict().skipped, keys(rows())) == (6, [*ALL, "6-0"])


def test_a_part_is_made_again_if_it_is_gone_or_its_input_has_changed(
    predict, rows, tmp_path, parts
):
    predict()
    (tmp_path / "out" / "part-2.jsonl").unlink()
    path = parts / "part-3.jsonl"
    path.write_text(path.read_text().replace('"3-0"', '"3-x"'))
    assert predict().skipped == 4
    assert keys(rows()) == [key.replace("3-0", "3-x") for key in ALL]


def test_a_part_that_somebody_changed_is_not_replaced(predict, tmp_path):
    predict()
    path = tmp_path / "out" / "part-2.jsonl"
    path.write_text("edited\n")
    with pytest.raises(OutputError, match=r"part-2.jsonl is not as it was written: remove it"):
        predict()
    assert path.read_text() == "edited\n"


@pytest.mark.parametrize(
    ("answers", "options", "differs"),
    [
        (Answers(), {}, "keep_columns"),
        (Answers(keep_columns=True, top_k=2), {}, "top_k"),
        (Answers(keep_columns=True, threshold=0.5), {}, "threshold"),
        (Answers("key", keep_columns=True), {}, "text_column"),
        (Answers(options=ReadOptions("latin-1"), keep_columns=True), {}, "encoding"),
        (KEPT, {"output_format": "csv"}, "output_format"),
    ],
)
def test_other_options_are_refused(predict, rows, answers, options, differs):
    predict()
    before = rows()
    with pytest.raises(OutputError, match=f"made with another {differs}: choose another output"):
        predict(answers, **options)
    assert rows() == before


def test_another_model_is_refused_unless_all_is_to_be_replaced(predict, rows, tmp_path, make_model):
    other = make_model("other", seed=1)
    predict()
    before = rows()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="made with another model"):
        predict(model=other)
    assert rows() == before
    predict(model=other, overwrite=True, names=["part-1.jsonl", "part-2.jsonl"])
    assert keys(rows()) == ALL[50:150]  # and none of the other model's
    expected = load(other).predict([row["text"] for row in rows()])
    assert [row["label"] for row in rows()] == [one.label for one in expected]
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


def test_files_of_others_are_not_replaced(predict, tmp_path, rows):
    target = tmp_path / "out" / "part-3.jsonl"
    target.parent.mkdir()
    target.write_text("mine")
    with pytest.raises(OutputError, match=r"not of this job \('part-3.jsonl'\): choose another"):
        predict()
    assert target.read_text() == "mine"
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    predict(overwrite=True)
    assert keys(rows()) == ALL


@pytest.mark.parametrize("processes", [1, 2])
def test_a_part_that_cannot_be_read_is_named_and_the_others_are_written(
    predict, rows, parts, processes
):
    whole = (parts / "part-2.jsonl").read_text()
    (parts / "part-2.jsonl").write_text(whole + "{nonsense\n")
    message = r"1 of 6 parts not predicted: .*part-2.jsonl:51: not JSON"
    with pytest.raises(DataError, match=message):
        predict(processes=processes)
    assert keys(rows()) == ALL[:100] + ALL[150:]
    with pytest.raises(DataError, match=message):
        predict()
    (parts / "part-2.jsonl").write_text(whole)
    assert predict().skipped == 5
    assert keys(rows()) == ALL


def test_a_part_without_rows_gives_one_without_rows(predict, rows, parts, tmp_path):
    (parts / "part-2.jsonl").write_text("")
    assert predict().read.rows == 250
    assert (tmp_path / "out" / "part-2.jsonl").read_text() == ""
    assert keys(rows()) == ALL[:100] + ALL[150:]
    predict(names=["part-2.jsonl"], overwrite=True, output_format="parquet")
    assert parquet.read_table(tmp_path / "out" / "part-2.parquet").num_rows == 0


def test_an_input_that_changes_while_it_is_read_is_not_taken(predict, parts, monkeypatch):
    from wave_network.scale import scorer

    def change(file, records, ending, types):
        list(records)
        (parts / "part-2.jsonl").touch()

    monkeypatch.setattr(scorer, "write_records", change)
    with pytest.raises(DataError, match=r"part-2.jsonl was changed while it was predicted"):
        predict(names=["part-2.jsonl"])


def test_one_job_at_a_time_writes_to_a_folder(predict, tmp_path):
    with one_run(tmp_path / "out"), pytest.raises(OutputError, match="another run is writing"):
        predict()


def test_a_file_is_no_folder(predict, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match="out is a file: name a folder"):
        predict(overwrite=True)
    assert (tmp_path / "out").read_text() == "mine"


def test_a_model_that_is_replaced_meanwhile_ends_the_job(
    predict, rows, model, make_model, monkeypatch
):
    def replaced(*arguments, run=local.score_locally):
        make_model("other", seed=1).rename(model.with_name("new"))
        model.rename(model.with_name("old"))
        model.with_name("new").rename(model)
        run(*arguments)

    monkeypatch.setattr("wave_network.scale.job.score_locally", replaced)
    with pytest.raises(ModelFolderError, match="is not the model that this job started with"):
        predict(processes=2)
    assert rows() == []


@pytest.mark.parametrize(
    "content", ["", "nonsense\n", '{"format": 1}\n', "[]\n", '{"format": 2}\n']
)
def test_a_damaged_record_is_refused(predict, rows, tmp_path, content):
    predict()
    before = rows()
    (tmp_path / "out" / MANIFEST).write_text(content)
    with pytest.raises(OutputError, match=r"is (damaged|from a newer version)"):
        predict()
    assert rows() == before


def test_a_record_names_no_file_elsewhere(predict, tmp_path):
    predict()
    mine = tmp_path / "mine.jsonl"
    mine.write_text("mine")
    with (tmp_path / "out" / MANIFEST).open("a") as record:
        record.write('{"part": "../mine.jsonl"}\n')
    with pytest.raises(OutputError, match="is damaged"):
        predict(overwrite=True)
    assert mine.read_text() == "mine"


def test_after_a_crash_at_any_byte_of_the_record_the_job_goes_on(predict, rows, tmp_path):
    predict()
    record = tmp_path / "out" / MANIFEST
    whole = record.read_bytes()
    names = 1 + len(ALL) // 50  # lines that are there before any part
    start = len(b"".join(whole.splitlines(keepends=True)[:names]))
    for length in range(start, len(whole), 97):
        record.write_bytes(whole[:length])
        predict()
        assert keys(rows()) == ALL
        assert predict().skipped == 6


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_folder_that_cannot_be_written_is_refused(predict, tmp_path):
    (tmp_path / "out").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="cannot write to"):
        predict()


def test_paths_may_be_relative(predict, rows, parts, tmp_path, model, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with using(2):
        predict_parts(model.name, ["parts/*"], Path("out"), KEPT)
    assert keys(rows()) == ALL
