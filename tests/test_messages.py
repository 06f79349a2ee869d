"""Messages name the options of the interface in use: the command line's or Python's."""

import ast
import json
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import wave_network
from wave_network import WaveClassifier, load
from wave_network.cli.app import build_app
from wave_network.cli.options import option_names
from wave_network.cli.predict import predict
from wave_network.cli.train import train
from wave_network.config import TrainConfig
from wave_network.config.settings import read_settings
from wave_network.data import read_splits
from wave_network.errors import (
    ConfigError,
    DataError,
    MissingExtraError,
    NoRowsError,
    OutputError,
    WaveNetworkError,
    as_caller,
    current_caller,
    for_caller,
    in_a_file,
    on_command_line,
    option_name,
    printable,
)
from wave_network.persistence.atomic import check_new

ROOT = Path(wave_network.__file__).parent
FLAG = re.compile(r"(?<![\w`(-])--[a-z]")


def said_on_the_command_line(capsys, *arguments):
    """What a command that cannot go on writes."""
    with pytest.raises(SystemExit):
        build_app(arguments[:1])(list(map(str, arguments)), standalone_mode=False)
    return capsys.readouterr().err


def test_a_name_is_written_as_the_interface_writes_it():
    assert option_name("max_length") == "max_length"
    with on_command_line(option_names(train)):
        assert option_name("max_length") == "--max-length"
        assert option_name("base_model") == "--from"
        assert option_name("refit") == "--refit"
        assert option_name("warmup") == "warmup"  # not an option of the command
        assert for_caller(command_line="-", python="p") == "-"
        with in_a_file():
            assert option_name("max_length") == "max_length"
        assert option_name("max_length") == "--max-length"
    assert option_name("max_length") == "max_length"
    assert for_caller(command_line="-", python="p") == "p"
    assert option_names(predict)["inputs"] == "--input"


@pytest.mark.parametrize(
    ("flags", "values", "shell", "python"),
    [
        (["--epochs", 0], {"epochs": 0}, "--epochs must be", "epochs must be"),
        (["--device", "x"], {"device": "x"}, "--device must be", "device must be"),
        (["--max-length", 1], {"max_length": 1}, "--max-length must be", "max_length must be"),
        (["--preset", "x"], {"preset": "x"}, "--preset must be", "preset must be"),
    ],
)
def test_a_wrong_value(capsys, flags, values, shell, python):
    assert f"wave-network: {shell}" in said_on_the_command_line(capsys, "train", *flags)
    with pytest.raises(ConfigError) as caught:
        WaveClassifier(**{"device": "cpu", **values}).fit(["a", "b"] * 20, [0, 1] * 20)
    assert str(caught.value).startswith(python)


def test_a_wrong_value_in_a_file_is_named_as_in_the_file(capsys, tmp_path):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"epochs": 0}))
    assert ": epochs must be" in said_on_the_command_line(capsys, "train", "--config", path)
    with pytest.raises(ConfigError, match=": epochs must be"):
        read_settings(path)


def test_a_column_that_is_missing(capsys, tmp_path):
    path = tmp_path / "few.csv"
    path.write_text("body,label\na,x\nb,y\n")
    said = said_on_the_command_line(capsys, "train", path, "--output", tmp_path / "model")
    assert "name the right one with --text-column" in said
    with pytest.raises(DataError, match="name the right one with text_column"):
        read_splits(path)


def test_too_few_texts_to_hold_out(capsys, tmp_path):
    path = tmp_path / "few.csv"
    path.write_text("text,label\na,x\nb,y\n")
    said = said_on_the_command_line(capsys, "tune", path, "--output", tmp_path / "model")
    assert "give more rows or --validation" in said


def test_unlabelled_texts_and_lists_of_labels():
    classifier = WaveClassifier("tiny", device="cpu")
    with pytest.raises(ConfigError, match="one label a text: leave unlabeled out"):
        classifier.fit(["a", "b"] * 20, [["x"], ["x", "y"]] * 20, unlabeled=["c"])


def test_a_name_on_the_hub_without_its_prefix(capsys):
    said = said_on_the_command_line(capsys, "predict", "me/news", "a text", "--top-k", 1)
    assert "me/news does not exist: give a folder that `train` wrote" in said
    assert "(if it is on the Hub: hub:me/news)" in said
    for read in (load, read_splits):
        with pytest.raises(WaveNetworkError, match=r"\(if it is on the Hub: hub:me/news\)"):
            read("me/news")
    for read, path in ((load, "no/such/folder"), (load, "none"), (read_splits, "none/a.csv")):
        with pytest.raises(WaveNetworkError) as caught:
            read(path)
        assert "Hub" not in str(caught.value)


def test_texts_in_a_column_of_an_array(capsys):
    texts = np.array([["a b"], ["c d"]])
    classifier = WaveClassifier("tiny", device="cpu", epochs=1)
    with pytest.raises(DataError, match=r"shape \(2, 1\): give one axis, with texts\.ravel\(\)"):
        classifier.fit(texts, ["x", "y"])
    classifier.fit(list("abcdefgh") * 4, list("xy") * 16)
    for ask in (classifier.predict, classifier.predict_proba):
        with pytest.raises(DataError, match=r"texts\.ravel\(\)"):
            ask(texts)


def test_a_weight_for_a_label_that_is_not_there(capsys, tmp_path):
    path = tmp_path / "few.csv"
    path.write_text("text,label\n" + "a,x\nb,y\n" * 20)
    weights = ("--class-weight", "z=2", "--output", tmp_path / "model", "--preset", "tiny")
    said = said_on_the_command_line(capsys, "train", path, *weights)
    assert "wave-network: --class-weight names 'z'" in said
    with pytest.raises(ConfigError, match=r"^class_weight names 'z'"):
        WaveClassifier("tiny", class_weight={"z": 2}).fit(["a", "b"] * 20, ["x", "y"] * 20)


def test_an_output_that_exists(capsys, tmp_path):
    said = said_on_the_command_line(capsys, "train", "--output", tmp_path)
    assert "choose another --output, or replace it with --overwrite" in said
    with pytest.raises(OutputError, match="another place, or replace it with overwrite=True"):
        check_new(tmp_path, overwrite=False)


def test_the_names_of_python_are_back_after_a_command(tmp_path):
    CliRunner().invoke(build_app(), ["train", str(tmp_path / "none.csv")])
    with pytest.raises(ConfigError, match=r"^epochs must be"):
        TrainConfig(epochs=0)


def test_what_a_terminal_obeys_is_written_as_an_escape():
    assert printable("Café, 雨, 🦙, می\u200cخواهم") == "Café, 雨, 🦙, می\u200cخواهم"
    assert printable("\x1b[2J\r\x7f\x9b\u202e\u2028") == r"\x1b[2J\r\x7f\x9b\u202e\u2028"
    assert printable("a\nb\tc\u200b") == r"a\nb\tc\u200b"
    assert printable("a\nb\tc\u200b\x1b", lines=True) == "a\nb\tc\u200b\\x1b"
    for kind in (DataError, ConfigError, OutputError):
        assert str(kind("no \x1b[2J here\nor there")) == "no \\x1b[2J here\nor there"


@pytest.mark.parametrize(
    "error",
    [
        *(kind("what to do") for kind in (DataError, ConfigError, OutputError)),
        NoRowsError("part.csv"),
        MissingExtraError("parquet", "reading parquet"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_comes_back_from_another_process(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_another_process_words_messages_alike():
    with on_command_line(option_names(train)):
        sent = pickle.dumps(current_caller())
    with as_caller(pickle.loads(sent)):
        assert option_name("max_length") == "--max-length"
        assert for_caller(command_line="-", python="p") == "-"
    assert option_name("max_length") == "max_length"


def strings(tree):
    """The strings that a module may show: none of docstrings or of words for one interface."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "for_caller":
            node.keywords = [item for item in node.keywords if item.arg == "python"]
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value = ast.Constant(None)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_only_the_command_line_writes_names_of_its_options():
    # These write web pages, or name options of other programs, as `pip install --upgrade` does.
    others = {
        *("explain/render.py", "fasttext/arguments.py", "fasttext/unsupervised.py"),
        "scale/ray_cluster.py",
    }
    found = {
        (path.relative_to(ROOT).as_posix(), text)
        for path in ROOT.rglob("*.py")
        for text in strings(ast.parse(path.read_text(encoding="utf-8")))
        if FLAG.search(text) and "pip install" not in text
    }
    assert not {
        (path, text) for path, text in found if path not in others and path.split("/")[0] != "cli"
    }
