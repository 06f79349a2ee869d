import csv
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli_helpers import SCRIPT, write_csv

from wave_network import load

TEXTS = [
    "cat and dog",
    "",
    "red and blue",
    "two\nlines",
    'he said "heron", twice',
    "комета, 彗星, 🌠, e\u0301",
    "  spaces  kept  ",
    "null",
    "\ttab",
]


def write_as(folder, ending, texts):
    """A file of texts, without labels, in the format that its ending names."""
    path = folder / f"texts.{ending}"
    if ending in ("csv", "tsv"):
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter={"csv": ",", "tsv": "\t"}[ending])
            writer.writerows([("id", "text"), *enumerate(texts)])
    elif ending == "jsonl":
        records = (json.dumps({"text": text}, ensure_ascii=False) for text in texts)
        path.write_text("".join(f"{record}\n" for record in records), "utf-8")
    elif ending == "parquet":
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(pa.table({"text": texts}), path)
    return path


def test_one_json_object_a_line_in_order(wave, tiny_model):
    ended = wave("predict", tiny_model, *TEXTS)
    assert ended.code == 0
    expected = load(tiny_model).predict(TEXTS)
    assert ended.lines == [
        {
            "text": text,
            "label": prediction.label,
            "score": pytest.approx(prediction.score, abs=1e-6),
        }
        for text, prediction in zip(TEXTS, expected, strict=True)
    ]
    assert [line["label"] for line in ended.lines[:3:2]] == ["animal", "colour"]
    assert ended.err == "1 of 9 texts are empty; they are classified like all others\n"


@pytest.mark.parametrize("texts", [TEXTS, ["cat"], [""], ["caf\udce9"]])
def test_without_options_the_answers_are_those_of_the_options_defaults(invoke, tiny_model, texts):
    parsed = invoke("predict", tiny_model, "--threshold", 0, *texts)
    assert invoke("predict", tiny_model, *texts) == parsed


def test_without_options_errors_are_the_same_too(invoke, tmp_path):
    (tmp_path / "empty").mkdir()
    for model in ("nowhere", "empty"):
        ended = invoke("predict", model, "cat")
        assert ended.code == 2
        assert ended == invoke("predict", model, "--threshold", 0, "cat")


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_a_file_gives_the_same_answers_as_its_texts(invoke, tiny_model, tmp_path, ending):
    path = write_as(tmp_path, ending, TEXTS)
    from_file = invoke("predict", tiny_model, "--input", path)
    given = invoke("predict", tiny_model, *TEXTS)
    assert (from_file.code, from_file.out) == (given.code, given.out)
    assert from_file.err == f"predicted 9 texts: {path}\n{given.err}"


@pytest.mark.parametrize("text", ["cat\n\nred\n", "\n\n\n", "cat\r\nred\r\n", "cat\nred"])
def test_lines_of_a_file_and_of_standard_input(wave, invoke, tiny_model, tmp_path, text):
    path = tmp_path / "lines.txt"
    path.write_bytes(text.encode())
    from_file = invoke("predict", tiny_model, "--input", path)
    piped = wave("predict", tiny_model, "--input", "-", stdin=text.encode())
    assert [line["text"] for line in piped.lines] == text.splitlines()
    assert (from_file.code, from_file.out) == (piped.code, piped.out)
    assert from_file.err.replace(str(path), "standard input") == piped.err


def test_empty_standard_input_has_no_answers(wave, tiny_model):
    assert wave("predict", tiny_model, "--input", "-") == (0, "", "")


def test_a_fasttext_file_is_read_without_its_labels(invoke, tiny_model, tmp_path):
    path = tmp_path / "labelled.txt"
    path.write_text("__label__animal cat\n__label__colour red\n", "utf-8")
    ended = invoke("predict", tiny_model, "--input", path)
    assert [line["text"] for line in ended.lines] == ["cat", "red"]


def test_the_text_column_can_be_named(invoke, tiny_model, tmp_path):
    path = write_csv(tmp_path / "mail.csv", [("cat", 1), ("red", 2)], header="body,id")
    ended = invoke("predict", tiny_model, "--input", path, "--text-column", "body")
    assert [line["text"] for line in ended.lines] == ["cat", "red"]


@pytest.mark.parametrize("k", [1, 2, 99])
def test_top_k_adds_the_most_probable_labels(invoke, tiny_model, k):
    for line in invoke("predict", tiny_model, "cat", "", "red", "--top-k", k).lines:
        scores = list(line["scores"].items())
        assert list(line) == ["text", "label", "score", "scores"]
        assert len(scores) == min(k, 2)
        assert scores[0] == (line["label"], line["score"])
        assert scores == sorted(scores, key=lambda score: -score[1])
        if k >= 2:
            assert math.fsum(line["scores"].values()) == pytest.approx(1)


def test_on_request_each_text_is_said_to_be_usual_or_not(invoke, sample_model):
    known = "Oil prices rose on Friday as traders weighed a report on supply."
    texts = (known, "zxcv qwrt plkj mnbv hgfd", "")
    found = invoke("predict", sample_model, *texts, "--out-of-scope").lines
    expected = load(sample_model).predict(texts, out_of_scope=True)
    assert [line["out_of_scope"] for line in found] == [item.out_of_scope for item in expected]
    assert found[0]["out_of_scope"] < 0.9 < 0.95 < found[1]["out_of_scope"] <= 1
    assert list(found[0]) == ["text", "label", "score", "out_of_scope"]
    plain = invoke("predict", sample_model, *texts).lines
    assert all(item.out_of_scope is None for item in load(sample_model).predict(texts))
    assert all("out_of_scope" not in line for line in plain)


def test_a_model_without_an_out_of_scope_score_says_so(invoke, sample_model, tmp_path):
    older = tmp_path / "older"
    shutil.copytree(sample_model, older)
    (older / "out_of_scope.safetensors").unlink()
    message = invoke("predict", older, "cat", "--out-of-scope").message
    assert "train it again with this version, with at least 20 validation texts" in message


def test_below_the_threshold_the_label_is_null_and_the_score_stays(invoke, tiny_model):
    texts = ("cat and dog", "red cat", "")
    plain = invoke("predict", tiny_model, *texts).lines
    middle = sorted(line["score"] for line in plain)[1] - 1e-5  # scores are rounded
    found = invoke("predict", tiny_model, *texts, "--threshold", middle)
    assert found.out.count('"label": null') == 1
    assert found.lines == [
        {**line, "label": line["label"] if line["score"] >= middle else None} for line in plain
    ]
    assert invoke("predict", tiny_model, "cat", "--threshold", "1.5").code == 2


def test_coverage_adds_the_labels_that_a_text_may_have(invoke, number_model):
    texts = ("cat and dog", "red cat", "")
    lines = invoke("predict", number_model, *texts, "--coverage", "0.5").lines
    assert [line["labels"] for line in lines] == load(number_model).predict_sets(texts, 0.5)
    assert list(lines[0]) == ["text", "label", "score", "labels"]
    assert {label for line in lines for label in line["labels"]} <= {3, 20}
    refused = invoke("predict", number_model, "cat", "--coverage", "0.99")
    assert "coverage 0.99 needs more validation texts than this model had" in refused.message
    assert "between 0 and 1" in invoke("predict", number_model, "cat", "--coverage", "2").message


def test_integer_labels_stay_integers(invoke, number_model):
    cat, red = invoke("predict", number_model, "cat and dog", "red and blue", "--top-k", 1).lines
    assert (cat["label"], red["label"]) == (3, 20)
    assert (list(cat["scores"]), list(red["scores"])) == (["3"], ["20"])


def test_a_text_that_starts_with_a_dash_goes_after_two(invoke, tiny_model):
    ended = invoke("predict", tiny_model, "--", "-5 degrees", "--top-k")
    assert [line["text"] for line in ended.lines] == ["-5 degrees", "--top-k"]


def test_output_goes_to_a_file_whole_and_never_over_another(invoke, tiny_model, tmp_path):
    target = tmp_path / "answers" / "out.jsonl"
    arguments = ("predict", tiny_model, *TEXTS, "--output", target)
    printed = invoke("predict", tiny_model, *TEXTS)
    ended = invoke(*arguments)
    assert (ended.code, ended.out) == (0, "")
    assert target.read_bytes().decode() == printed.out
    target.write_text("precious")
    assert "--overwrite" in invoke(*arguments).message
    assert target.read_text() == "precious"
    assert invoke(*arguments, "--overwrite").code == 0
    assert target.read_bytes().decode() == printed.out
    assert [path.name for path in target.parent.iterdir()] == ["out.jsonl"]


def test_a_bad_row_leaves_the_old_output_alone(invoke, tiny_model, tmp_path):
    source = tmp_path / "broken.csv"
    source.write_bytes(b"text\n" + b"cat\n" * 3_000 + b"caf\xe9\n")
    target = tmp_path / "out.jsonl"
    target.write_text("precious")
    ended = invoke("predict", tiny_model, "--input", source, "--output", target, "--overwrite")
    assert ":3002: not UTF-8" in ended.message
    assert target.read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.csv", "out.jsonl"]


def test_the_output_is_utf_8_whatever_the_locale(wave, tiny_model):
    english = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    ended = wave("predict", tiny_model, "--input", "-", stdin="彗星\n".encode(), env=english)
    assert [line["text"] for line in ended.lines] == ["彗星"]


def test_a_closed_pipe_ends_it_silently(wave, tiny_model, tmp_path):
    path = tmp_path / "many.txt"
    path.write_text("cat and dog\n" * 20_000)
    reader, writer = os.pipe()
    command = [SCRIPT, "predict", tiny_model, "--input", path]
    with subprocess.Popen(command, stdout=writer, stderr=subprocess.PIPE) as process:
        os.close(writer)
        with os.fdopen(reader) as lines:
            assert json.loads(next(lines))["text"] == "cat and dog"
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")


def test_a_pipe_that_nobody_reads_ends_it_silently(tiny_model):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [SCRIPT, "predict", tiny_model, "cat"],
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_ten_megabytes_in_one_text_take_bounded_memory(wave, tiny_model, tmp_path):
    # The peak that the kernel notes for a child includes its parent's, so the child reads its own.
    code = """
import sys
from pathlib import Path
from wave_network.cli import main
try:
    main()
finally:
    peak = next(line for line in Path("/proc/self/status").open() if line.startswith("VmHWM"))
    print(peak.split()[1], file=sys.stderr)
"""
    for text in ("heron " * 1_700_000, "彗" * 3_400_000, "x" * 10_000_000):
        path = tmp_path / "long.txt"
        path.write_text(text, "utf-8")
        ended = wave("predict", tiny_model, "--input", path, program=(sys.executable, "-c", code))
        assert ended.code == 0
        assert [line["text"] for line in ended.lines] == [text]
        assert int(ended.err.splitlines()[-1]) < 600 * 1024


def test_predicting_loads_no_training_package(wave, tiny_model):
    code = """
import sys
from wave_network.cli import main
try:
    main()
finally:
    heavy = {"torch", "datasets", "sklearn", "accelerate", "transformers", "pandas", "pyarrow"}
    slow = {"typer", "pydantic", "rich", "huggingface_hub"}
    print(*(sorted(names & {*sys.modules}) for names in (heavy, slow)), file=sys.stderr)
"""
    program = (sys.executable, "-c", code)
    ended = wave("predict", tiny_model, "cat", program=program)
    assert (ended.code, ended.err) == (0, "[] []\n")
    ended = wave("predict", tiny_model, "cat", "--top-k", 2, program=program)
    assert (ended.code, ended.err[:3]) == (0, "[] ")
