"""What the commands say of model folders, settings and paths that cannot be used: one line."""

import json
import os
import shutil
import sys

import pytest
from folder_edits import edit_json, edit_model, right_checksums

DEEP = "[" * 100_000
COMMANDS = {
    "predict": ("predict", "MODEL", "a text"),
    "predict a file": ("predict", "MODEL", "--input", "few.csv"),
    "evaluate": ("evaluate", "MODEL", "few.csv"),
    "info": ("info", "MODEL"),
    "quantize": ("quantize", "MODEL", "--output", "out"),
    "export": ("export", "MODEL", "--output", "out"),
    "report": ("report", "MODEL", "--data", "few.csv"),
    "push": ("push", "MODEL", "owner/name"),
    "train from": ("train", "few.csv", "--from", "MODEL", "--output", "out"),
    "teach": ("train", "few.csv", "--teacher", "MODEL", "--output", "out"),
}


def spoil_tokenizer(folder, **changes):
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    content["model"].update(changes)
    (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")


def no_numbers(folder):
    from safetensors.numpy import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    tensors["classifier.bias"].flat[0] = float("nan")
    save_file(tensors, folder / "model.safetensors")


SPOILT = {
    "nested too deep": lambda folder: (folder / "config.json").write_text(DEEP),
    "an endless prime": lambda folder: edit_model(folder, linear_size=10**18),
    "no numbers": no_numbers,
    "a panic": lambda folder: spoil_tokenizer(folder, continuing_subword_prefix="##"),
    "lots": lambda folder: spoil_tokenizer(folder, dropout=0.5),
    "metrics of other types": lambda folder: edit_json(folder / "metrics.json", epochs="2"),
    "half a character": lambda folder: edit_model(folder, labels=["\ud800", "b"]),
    "a pipe": lambda folder: (
        (folder / "model.safetensors").unlink(),
        os.mkfifo(folder / "model.safetensors"),
    ),
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("how", SPOILT)
def test_every_command_says_so_in_one_line(invoke, few, tiny_model, tmp_path, how):
    model = shutil.copytree(tiny_model, tmp_path / "model")
    SPOILT[how](model)
    if how not in ("nested too deep", "a pipe"):
        right_checksums(model)
    for name, command in COMMANDS.items():
        ended = invoke(*(str(model) if word == "MODEL" else word for word in command))
        assert ended.code == 2, (name, ended)
        assert ended.out == "", name
        last = ended.err.splitlines()[-1]
        assert last.startswith("wave-network: "), name
        assert "Traceback" not in ended.err, name
        assert "panicked" not in ended.err, name
    assert not (tmp_path / "out").exists()


def test_a_panic_stays_off_the_terminal(wave, tiny_model, tmp_path):
    model = shutil.copytree(tiny_model, tmp_path / "model")
    spoil_tokenizer(model, continuing_subword_prefix="##")
    right_checksums(model)
    message = wave("predict", "model", "a text").message
    assert "tokenizer.json is not a tokenizer file that can be used" in message


@pytest.mark.parametrize(
    "settings",
    [
        DEEP,
        '{"learning_rate": ' + "9" * 400 + "}",
        '{"linear_size": 1' + "0" * 30 + "}",
        '{"hidden_size": 100000000000}',
        '{"bigram_buckets": 100000000000}',
        '{"vocab_size": 1' + "0" * 23 + "}",
        '{"members": 100000000}',
        '{"max_length": 9223372036854775808}',
        '{"initializer_range": 1e-200}',
        '{"class_weight": {"animal": 1e308}}',
        '{"preset": "paper", "num_layers": 1000000}',
        '{"preset": "paper", "max_length": 10000000000}',
        '{"preset": []}',
    ],
    ids=lambda text: text[:40],
)
def test_settings_that_nobody_could_train_with(invoke, few, tmp_path, settings):
    (tmp_path / "settings.json").write_text(settings)
    message = invoke("train", few, "--config", "settings.json").message
    assert message.startswith("settings.json")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_settings_that_are_no_file(invoke, few, tmp_path):
    os.mkfifo(tmp_path / "settings.json")
    assert "settings.json" in invoke("train", few, "--config", "settings.json").message


@pytest.mark.parametrize(
    "option",
    [
        ("--max-length", 2**63),
        ("--max-length", 2**31),
        ("--class-weight", "animal=1e308"),
        ("--class-weight", "animal=1e-308"),
        ("--tokenizer", "n" * 300),
        ("--tokenizer", "/dev/zero"),
        ("--teacher", "n" * 300),
        ("--from", "n" * 300),
        ("--log-to", f"tensorboard:{'n' * 300}"),
    ],
    ids=lambda option: "".join(map(str, option))[:30],
)
def test_options_that_nothing_could_be_done_with(invoke, few, option):
    if option[1].startswith("tensorboard") if isinstance(option[1], str) else False:
        pytest.importorskip("tensorboard")
    ended = invoke("train", few, "--preset", "tiny", *option)
    assert ended.code == 2, ended
    assert ended.err.splitlines()[-1].startswith("wave-network: ")
    assert "Traceback" not in ended.err


def test_a_tilde_is_the_home_folder(invoke, few, tiny_model, tmp_path, monkeypatch):
    home = tmp_path / "home"
    shutil.copytree(tiny_model, home / "model")
    shutil.copyfile(few, home / "few.csv")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    assert invoke("predict", "~/model", "a cat").lines[0]["label"] == "animal"
    assert invoke("evaluate", "~/model", "~/few.csv", "--json").lines[0]["accuracy"] > 0.9
    assert invoke("quantize", "~/model", "--output=~/small").code == 0
    assert invoke("predict", "~/small", "--input=~/few.csv", "--output=~/out.jsonl").code == 0
    assert invoke("report", "~/model", "--data=~/few.csv", "--output=~/page.html").code == 0
    names = sorted(path.name for path in home.iterdir())
    assert names == ["few.csv", "model", "out.jsonl", "page.html", "small"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["few.csv", "home"]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are Unicode there")
def test_a_path_that_is_no_unicode(wave, few, tmp_path):
    folder = os.fsdecode(b"mod\xff")
    ended = wave("train", few, "--preset", "tiny", "--epochs", 2, "--output", folder, "--json")
    assert ended.code == 0, ended
    assert ended.lines[0]["model"] == folder
    for command in (
        ("predict", folder, "a cat"),
        ("info", folder),
        ("info", folder, "--json"),
        ("quantize", folder, "--output", folder + "8", "--json"),
        ("export", folder, "--output", folder + "x", "--json"),
        ("report", folder, "--data", few, "--output", folder + ".html"),
        ("train", few, "--from", folder, "--epochs", 1, "--output", folder + "2"),
        ("predict", folder + "2", "a cat"),
    ):
        ended = wave(*command)
        assert ended.code == 0, (command, ended)
