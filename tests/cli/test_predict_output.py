"""What `predict` writes: formats of files, kept columns, lines for people, whole lines."""

import csv
import json
import os
import pty
import signal
import subprocess
import sys
import time

import pyarrow as pa
import pytest
from cli_helpers import SCRIPT, write_csv
from pyarrow import parquet

from wave_network import load

ROWS = [("7", "cat and dog", "x", "0.5"), ("8", "red, and blue", "", "1")]
HEADER = ("id", "body", "label", "size")


@pytest.fixture
def mail(tmp_path):
    path = tmp_path / "mail.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *ROWS])
    return path


def test_the_other_columns_stay_in_order_before_the_answers(invoke, tiny_model, mail):
    ended = invoke(
        *("predict", tiny_model, "--input", mail, "--text-column", "body", "--keep-columns")
    )
    plain = invoke("predict", tiny_model, "--input", mail, "--text-column", "body").lines
    assert ended.lines == [
        {"id": row[0], "input_label": row[2], "size": row[3], **line}
        for row, line in zip(ROWS, plain, strict=True)
    ]
    assert list(ended.lines[0]) == ["id", "input_label", "size", "text", "label", "score"]
    assert ended.err == (
        "the input's column 'label' is 'input_label' in the output, which has its own 'label'\n"
        f"predicted 2 texts: {mail}\n"
    )


def test_no_name_is_taken_twice(invoke, tiny_model, tmp_path):
    path = tmp_path / "mail.jsonl"
    rows = [{"text": "cat", "label": 1, "input_label": 2}, {"text": "red", "label": [3], "new": {}}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    ended = invoke("predict", tiny_model, "--input", path, "--keep-columns")
    first, second = ended.lines
    assert (first["input_input_label"], first["input_label"]) == (1, 2)
    assert (second["input_input_label"], second["new"]) == ([3], {})
    assert ended.err.count("the output, which has its own") == 1
    refused = invoke(
        *("predict", tiny_model, "--input", path, "--keep-columns", "--output", "out.csv")
    )
    assert refused.code == 2
    assert "row 2 has a field 'new' that the first row has not" in refused.err
    assert sorted(one.name for one in tmp_path.iterdir()) == ["mail.jsonl"]


@pytest.mark.parametrize("ending", ["csv", "tsv", "json", "jsonl", "parquet"])
def test_the_output_has_the_format_of_its_ending(invoke, tiny_model, mail, tmp_path, ending):
    words = ("predict", tiny_model, "--input", mail, "--text-column", "body", "--keep-columns")
    words += ("--top-k", "2")
    expected = invoke(*words).lines
    target = tmp_path / f"out.{ending}"
    assert invoke(*words, "--output", target).code == 0
    if ending == "json":
        assert json.loads(target.read_text()) == expected
    elif ending == "jsonl":
        assert [json.loads(line) for line in target.read_text().splitlines()] == expected
    elif ending == "parquet":
        found = parquet.read_table(target).to_pylist()
        assert found == [{**row, "scores": json.dumps(row["scores"])} for row in expected]
    else:
        with target.open(newline="") as file:
            found = list(csv.DictReader(file, delimiter="," if ending == "csv" else "\t"))
        assert [list(row) for row in found] == [list(row) for row in expected]
        assert [float(row["score"]) for row in found] == [row["score"] for row in expected]
        assert [json.loads(row["scores"]) for row in found] == [row["scores"] for row in expected]


def test_parquet_keeps_the_types_of_its_columns(invoke, number_model, tmp_path):
    columns = {"n": pa.array([1, None], pa.int8()), "text": ["cat", "red"], "t": [[], ["é"]]}
    parquet.write_table(pa.table(columns), tmp_path / "in.parquet")
    words = ("predict", number_model, "--input", "in.parquet", "--keep-columns", "--threshold", 1)
    assert invoke(*words, "--output", "out.parquet").code == 0
    found = parquet.read_table(tmp_path / "out.parquet")
    kinds = {field.name: field.type for field in found.schema}
    assert kinds["n"] == pa.int8()
    assert kinds["label"] == pa.int64()  # although all are null
    assert found["n"].to_pylist() == [1, None]
    assert found["t"].to_pylist() == [[], ["é"]]


def test_scores_have_the_digits_that_they_mean(invoke, tiny_model):
    words = ("predict", tiny_model, "cat and dog", "red", "x", "--top-k", "2", "--explain")
    ended = invoke(*words)
    exact = load(tiny_model).predict(["cat and dog", "red", "x"])
    for line, prediction in zip(ended.lines, exact, strict=True):
        numbers = [line["score"], line["log_odds"], *line["scores"].values()]
        numbers += [token["attribution"] for token in line["explanation"]]
        assert all(number == float(f"{number:.6g}") for number in numbers)
        assert line["score"] == pytest.approx(prediction.score, abs=1e-6)
        assert line["scores"][line["label"]] == line["score"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--output", "mail.csv", "--overwrite"], "--output and --input both name mail.csv"),
        (["--explain-html", "mail.csv", "--overwrite"], "--explain-html and --input both name"),
        (["--output", "a.csv", "--explain-html", "HERE/a.csv"], "--output and --explain-html both"),
        (["--output", "out.xlsx"], "--output out.xlsx: the name must end in one of .jsonl, .json"),
    ],
    ids=lambda words: words[0] if isinstance(words, list) else "",
)
def test_no_file_is_two_things(invoke, tiny_model, mail, tmp_path, words, reason):
    before = mail.read_bytes()
    words = [word.replace("HERE", str(tmp_path)) for word in words]
    ended = invoke("predict", tiny_model, "--input", mail, "--text-column", "body", *words)
    assert reason in ended.message
    assert mail.read_bytes() == before
    assert list(tmp_path.iterdir()) == [mail]


def test_columns_are_kept_of_files_alone(invoke, tiny_model):
    refused = invoke("predict", tiny_model, "cat", "--keep-columns")
    assert refused.message == "--keep-columns is for files: give one with --input"


def on_terminal(*words, columns=60):
    """Run the command on a terminal, and return the lines that it shows."""
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    subprocess.run([SCRIPT, *map(str, words)], stdout=theirs, check=True, timeout=60)
    os.close(theirs)
    shown = b""
    while True:
        try:
            shown += os.read(ours, 65536)
        except OSError:  # all is read
            break
    os.close(ours)
    return shown.decode().replace("\r\n", "\n").splitlines()


def test_a_terminal_shows_label_score_and_text(tiny_model):
    long = "red and blue " * 20
    first, second = on_terminal("predict", tiny_model, "cat\nand \x1b]0;dog\x07", long)
    label, score, text = first.split(maxsplit=2)
    assert (label, text) == ("animal", "cat and \\x1b]0;dog\\x07")
    assert float(score) > 0.5
    assert second.startswith("colour  ")
    assert second.endswith("…")
    assert len(second) == 60
    for line in on_terminal("predict", tiny_model, "cat", "--json"):
        assert json.loads(line)["label"] == "animal"


def test_a_terminal_shows_all_that_was_asked_for(tiny_model, tmp_path):
    path = write_csv(tmp_path / "mail.csv", [("cat and dog", 5)], header="text,id")
    words = ("--top-k", 2, "--coverage", 0.5, "--threshold", 1, "--keep-columns")
    answer, *others = on_terminal("predict", tiny_model, "--input", path, *words)
    assert answer.startswith("-       ")
    assert answer.endswith("  cat and dog")
    names = [line.partition(":")[0] for line in others]
    assert names == ["  id", "  scores", "  labels"]
    assert others[1].startswith("  scores: animal 0.9")
    assert others[2] == "  labels: animal"


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_what_was_written_before_an_interruption_is_whole_lines(tiny_model, tmp_path, kind):
    path = tmp_path / "many.txt"
    path.write_text("cat and dog, and a long line to fill the pipe\n" * 60_000)
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    program += "from wave_network.cli import main; main()"
    command = [sys.executable, "-c", program, "predict", tiny_model, "--input", path]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe) as process:
        start = process.stdout.read(1_000)
        time.sleep(0.2)  # the pipe is full now, in the middle of a line
        process.send_signal(kind)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + kind
    assert err == b"wave-network: interrupted\n"
    *_, last, end = (start + out).split(b"\n")
    assert end == b""
    assert json.loads(last)["text"].startswith("cat")
