import csv
import json
import os
import sys

import pytest
from cli_helpers import labelled_rows, write_csv


@pytest.fixture
def archive(tmp_path):
    """Texts with a column of their own."""
    path = tmp_path / "archive.csv"
    texts = [text for text, _ in labelled_rows(90)][60:]
    path.write_text("id,text\n" + "".join(f'{i},"{text}"\n' for i, text in enumerate(texts)))
    return path


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_without_a_model_a_file_to_fill_in_is_written(invoke, archive, tmp_path):
    ended = invoke("suggest", "--input", archive, "--count", 5, "--output", "next.csv")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.splitlines() == [
        "considering 30 of 30 texts",
        "next.csv: fill in the label of each text, or delete its row; then train with it",
    ]
    rows = table(tmp_path / "next.csv")
    assert [list(row) for row in rows] == [["text", "label", "guess", "score", "reason"]] * 5
    known = {row["text"] for row in table(archive)}
    for row in rows:
        assert row["text"] in known
        assert (row["label"], row["guess"], row["score"]) == ("", "", "")
        assert row["reason"].startswith("typical: ")


def test_the_loop_labels_trains_and_suggests_other_texts(invoke, archive, tmp_path):
    labelled = tmp_path / "labelled.csv"
    invoke("suggest", "--input", archive, "--count", 12, "--output", "labelled.csv")
    labels = dict(labelled_rows(90))
    rows = [{**row, "label": labels[row["text"]]} for row in table(labelled)]
    with labelled.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    trained = invoke("train", labelled, "--preset", "tiny", "--epochs", 5, "--output", "model")
    assert trained.code == 0, trained.err
    again = ("suggest", "model", "--input", archive, "--labeled", labelled, "--count", 30)
    ended = invoke(*again)
    assert ended.code == 0
    assert ended.err.splitlines()[0] == (
        "considering 18 of 30 texts; the others: 12 labelled already"
    )
    assert not {row["text"] for row in ended.lines} & {row["text"] for row in rows}
    for row in ended.lines:
        assert list(row) == ["text", "label", "guess", "score", "reason"]
        assert row["label"] is None
        assert row["guess"] in ("animal", "colour")
        assert 0.5 <= row["score"] <= 1
        assert row["reason"].startswith(f"unsure: {row['guess']} ")


@pytest.mark.parametrize(
    ("name", "where"),
    [("next.csv", "next.csv:2:"), ("next.jsonl", "next.jsonl:1:"), ("next.parquet", "row 1 has")],
)
def test_a_file_that_is_not_filled_in_is_refused_with_its_row(invoke, archive, name, where):
    invoke("suggest", "--input", archive, "--count", 5, "--output", name)
    message = invoke("train", name).message
    assert where in message
    assert "no label: add" in message
    assert message.endswith("or remove the row")


@pytest.mark.parametrize("ending", ["jsonl", "json", "tsv", "parquet"])
def test_every_format_is_written_with_labels_to_fill_in(
    invoke, archive, tmp_path, number_model, ending
):
    path = tmp_path / f"next.{ending}"
    command = ("suggest", number_model, "--input", archive, "--count", 3, "--output", path)
    assert invoke(*command).code == 0
    if ending == "parquet":
        import pyarrow.parquet as pq

        found = pq.read_table(path)
        assert str(found.schema.field("label").type) == "int64"
        rows = found.to_pylist()
    elif ending == "tsv":
        rows = [line.split("\t") for line in path.read_text().splitlines()]
        assert rows[0] == ["text", "label", "guess", "score", "reason"]
        return
    else:
        content = path.read_text()
        rows = json.loads(content) if ending == "json" else [*map(json.loads, content.splitlines())]
    assert [row["label"] for row in rows] == [None] * 3
    assert {row["guess"] for row in rows} <= {3, 20}
    assert invoke(*command).message.startswith(f"{path} exists")
    assert invoke(*command, "--overwrite").code == 0


def test_the_text_column_keeps_its_name(invoke, tmp_path):
    path = write_csv(tmp_path / "archive.csv", labelled_rows(20), header="body,topic")
    ended = invoke("suggest", "--input", path, "--count", 2, "--text-column", "body")
    assert [list(row) for row in ended.lines] == [["body", "label", "guess", "score", "reason"]] * 2


def test_the_archive_may_come_from_standard_input(wave):
    texts = "\n".join(text for text, _ in labelled_rows(20))
    ended = wave("suggest", "--input", "-", "--count", 3, stdin=texts.encode())
    assert ended.code == 0
    assert {row["text"] for row in ended.lines} < set(texts.splitlines())


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_a_terminal_shows_text_and_reason(wave, archive, tiny_model):
    code = f"""
import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn([
    sys.executable, "-m", "wave_network", "suggest", {str(tiny_model)!r},
    "--input", {str(archive)!r}, "--count", "2",
])))
"""
    ended = wave(program=(sys.executable, "-c", code))
    assert ended.code == 0
    shown = [line for line in ended.out.splitlines() if " and " in line or "unsure" in line]
    assert [line.startswith("  unsure: ") for line in shown] == [False, True] * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--input", "missing.csv"), "missing.csv does not exist"),
        (("--input", "archive.csv", "--labeled", "missing.csv"), "missing.csv does not exist"),
        (("--input", "archive.csv", "--output", "next.doc"), "--output next.doc: the name must"),
        (("--input", "archive.csv", "--output", "archive.csv"), "--output and --input both name"),
        (
            ("--input", "archive.csv", "--labeled", "l.csv", "--output", "l.csv"),
            "--output and --labeled both name",
        ),
        (("--input", "archive.csv", "--labeled", "archive.csv"), "no text is left to suggest"),
        (("missing", "--input", "archive.csv"), "missing"),
        (("--input", "archive.csv", "--text-column", "x"), "archive.csv has no column 'x'"),
        (("--input", "archive.csv", "--count", 0), "--count must be between 1 and 1,000; got 0"),
        ((), "Missing option '--input'"),
    ],
)
def test_bad_input_gets_one_line(invoke, archive, arguments, message):
    assert invoke("suggest", *arguments).message.startswith(message)
