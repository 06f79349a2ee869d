"""What the commands print of texts, labels, names and values that would command a terminal."""

import json
import re
import shutil
from xml.etree import ElementTree

import pytest
from cli_helpers import labelled_rows
from folder_edits import edit_json, edit_model, right_checksums

# A title, a cleared screen, a letter taken back, reversed and isolated letters, a line end of
# Unicode, and a letter that cannot be seen.
HOSTILE = "a\x1b]0;t\x07\x9b2J\x7f\x85\r\x08\u202e\u2066\u2028\u200b`|<script>b"
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
HOSTILE_LABELS = {"animal": HOSTILE, "colour": HOSTILE + "2"}


def write_rows(path, text="text", label="label"):
    rows = [
        {text: f"{words} {HOSTILE}", label: HOSTILE_LABELS[kind]} for words, kind in labelled_rows()
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


@pytest.fixture
def run(invoke):
    """Run a command, and check what it prints."""

    def checked(*arguments, code=0):
        ended = invoke(*arguments)
        assert ended.code == code, ended
        for printed in (ended.out, ended.err):
            assert not OBEYED.search(printed), (arguments, printed)
        return ended

    return checked


@pytest.fixture
def hostile_model(tiny_model, tmp_path):
    """A model of another's making: its labels, its preset and how it was trained."""
    model = shutil.copytree(tiny_model, tmp_path / f"model {HOSTILE}")
    edit_model(model, labels=list(HOSTILE_LABELS.values()))
    edit_json(model / "config.json", preset=HOSTILE)
    edit_json(model / "metrics.json", classes=HOSTILE)
    right_checksums(model)
    return model


def test_names_and_rows_of_training_data(run, tmp_path):
    data = write_rows(tmp_path / f"rows {HOSTILE}.jsonl", text=HOSTILE, label=f"l{HOSTILE}")
    columns = ("--text-column", HOSTILE, "--label-column", f"l{HOSTILE}")
    short = ("--preset", "tiny", "--epochs", 1)
    output = tmp_path / f"trained {HOSTILE}"
    run("train", data, *columns, *short, "--test", data, "--output", output)
    (summary,) = run("train", data, *columns, *short, "--output", f"{output}2", "--json").lines
    assert summary["model"] == f"{output}2"
    for wrong in (("--output", output), ("--label-column", "none", "--output", f"{output}3")):
        run("train", data, *columns, *short, *wrong, code=2)


def test_every_command_of_a_model(run, hostile_model, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    data = write_rows(tmp_path / f"rows {HOSTILE}.jsonl")
    out = tmp_path / f"out {HOSTILE}"
    run("info", hostile_model)
    (described,) = run("info", hostile_model, "--json").lines
    assert described["labels"] == list(HOSTILE_LABELS.values())
    assert described["preset"] == HOSTILE
    run("evaluate", hostile_model, data)
    assert HOSTILE in run("evaluate", hostile_model, data, "--json").lines[0]["per_class"]
    for options in ((), ("--explain", "--top-k", 2), ("--explain-html", f"{out}.html")):
        (answer,) = run("predict", hostile_model, f"cat {HOSTILE}", *options).lines
        assert answer["text"] == f"cat {HOSTILE}"
        assert answer["label"] in HOSTILE_LABELS.values()
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f]|<script", (out.parent / f"{out.name}.html").read_text()
    )
    run("predict", hostile_model, "--input", data)
    run("quantize", hostile_model, "--output", f"{out} 8 bits", "--data", data)
    run("export", hostile_model, "--output", f"{out} onnx")
    run(
        "report",
        hostile_model,
        "--data",
        data,
        "--training",
        data,
        "--output",
        f"{out}.report.html",
    )
    run("inspect", hostile_model, HOSTILE, "--output", f"{out}.svg")
    ElementTree.parse(f"{out}.svg")  # fails on control characters
    run("push", hostile_model, f"me/{HOSTILE}", code=2)
    few = ("--preset", "tiny", "--epochs", 1, "--output", f"{out} taught")
    run("train", data, "--teacher", hostile_model, *few)


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", HOSTILE),
        ("train", f"hub:{HOSTILE}"),
        *(
            ("train", "few.csv", f"--{option}", HOSTILE)
            for option in ("preset", "device", "config", "tokenizer", "teacher", "from", "log-to")
        ),
        ("train", "few.csv", "--class-weight", f"{HOSTILE}=2"),
        ("train", "few.csv", "--text-column", HOSTILE),
        ("train", "few.csv", f"--{HOSTILE}"),
        ("train", "few.csv", "--epochs", HOSTILE),
        ("train", "--from-fasttext-args", f"-{HOSTILE} {HOSTILE}"),
        ("tune", "few.csv", "--metric", HOSTILE),
        ("tune", "few.csv", "--time", HOSTILE),
        ("evaluate", HOSTILE, "few.csv"),
        ("predict", HOSTILE, "a text"),
        ("predict", f"hub:{HOSTILE}", "a text"),
        ("export", HOSTILE, "--output", HOSTILE, "--format", HOSTILE),
        ("reproduce", HOSTILE),
        (HOSTILE,),
    ],
    ids=lambda arguments: " ".join(arguments).replace(HOSTILE, "?"),
)
def test_every_message(run, few, arguments, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert few.is_file()
    assert len(run(*arguments, code=2).err.splitlines()) == 1


@pytest.mark.parametrize("name", ["format_version", "architecture", "quantization", "preset"])
def test_values_of_a_configuration(run, hostile_model, name):
    edit_json(hostile_model / "config.json", **{name: [HOSTILE]})
    right_checksums(hostile_model)
    run("info", hostile_model, code=2)


def test_a_search_for_settings(run, tmp_path):
    data = write_rows(tmp_path / f"rows {HOSTILE}.jsonl")
    run("tune", data, "--preset", "tiny", "--trials", 1, "--output", f"tuned {HOSTILE}")


def test_a_failure_of_our_own(run, monkeypatch, hostile_model):
    from wave_network.persistence import folder

    def broken(_):
        raise RuntimeError(HOSTILE)

    monkeypatch.setattr(folder, "read_model", broken)
    assert "RuntimeError" in run("info", hostile_model, code=1).err
