"""Data files as people have them, through the commands that read them."""

import gzip

import pytest
from cli_helpers import labelled_rows

READING = {
    "train": ("train", "DATA"),
    "unlabelled texts": ("train", "DATA", "--teacher", "MODEL", "--unlabeled", "DATA"),
    "tune": ("tune", "DATA", "--trials", 1),
    "evaluate": ("evaluate", "MODEL", "DATA"),
    "report": ("report", "MODEL", "--data", "DATA"),
    "quantize": ("quantize", "MODEL", "--data", "DATA", "--output", "small"),
    "predict": ("predict", "MODEL", "--input", "DATA"),
}
every_reading_command = pytest.mark.parametrize("command", READING.values(), ids=READING)


def arguments(command, model, data):
    return [{"MODEL": model, "DATA": data}.get(part, part) for part in command]


@every_reading_command
@pytest.mark.parametrize("option", ["encoding", "quoting"])
def test_every_command_that_reads_files_takes_the_option(invoke, few, tiny_model, command, option):
    message = invoke(*arguments(command, tiny_model, few), f"--{option}", "wrong").message
    assert message.startswith(f"--{option} must be ")


@pytest.mark.parametrize("name", ["evaluate", "report", "quantize", "predict"])
def test_a_file_of_another_form_is_read_and_its_form_said(invoke, tmp_path, tiny_model, name):
    path = tmp_path / "grün.csv.gz"
    rows = [f'{text} 5" café;{label}' for text, label in labelled_rows()]
    rows[3] = '"' + rows[3]
    content = "\n".join(["text;label", *rows]).encode("windows-1252")
    path.write_bytes(gzip.compress(content))
    ended = invoke(*arguments(READING[name], tiny_model, path), "--encoding", "windows-1252")
    assert ended.code == 0
    said = ended.err.splitlines()
    assert said[0] == f"{path}: the columns are separated by semicolons"
    assert said[1].startswith(f'{path}: a quotation mark (") is an ordinary character here, as')
    assert said[1].endswith("line 5 shows; --quoting csv reads quoted fields")
    if name == "predict":
        texts = [row.rpartition(";")[0] for row in rows]
        assert [line["text"] for line in ended.lines] == texts


def test_training_on_folders_of_classes(invoke, tmp_path):
    for split in ("train", "test"):
        for number, (text, label) in enumerate(labelled_rows()):
            folder = tmp_path / "data" / split / label
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number}.txt").write_text(text)
    ended = invoke("train", "data", "--preset", "tiny", "--epochs", 1, "--json")
    assert ended.code == 0
    assert ended.lines[0]["test"]["accuracy"] > 0.4
