"""`wave-network convert`, and the other commands on models of fastText."""

import shutil

import numpy as np
import pytest
from fasttext_models import PLACE

from wave_network import WaveClassifier, load
from wave_network.errors import ConfigError
from wave_network.persistence.folder import read_model

TEXT = "bake the bread in the oven"


@pytest.mark.parametrize("name", ["subwords.bin", "pruned.ftz", "hs.bin", "ova.bin", "output.ftz"])
def test_a_converted_model_answers_alike(invoke, name, tmp_path):
    ended = invoke("convert", PLACE / name, "--output", tmp_path / "folder", "--json")
    assert ended.code == 0, ended.err
    (summary,) = ended.lines
    assert summary["model"] == str(tmp_path / "folder")
    assert summary["size_bytes"]["before"] == (PLACE / name).stat().st_size
    texts = [TEXT, "goal", ""]
    np.testing.assert_array_equal(
        load(tmp_path / "folder").predict_proba(texts), load(PLACE / name).predict_proba(texts)
    )
    card = (tmp_path / "folder" / "README.md").read_text()
    assert "fastText, " in card
    assert "texts whole" in card


def test_a_dense_one_can_be_quantized_and_a_coded_one_is(invoke, tmp_path):
    for name in ("subwords.bin", "quantised.ftz"):
        invoke("convert", PLACE / name, "--output", tmp_path / name)
    ended = invoke("quantize", tmp_path / "subwords.bin", "--output", tmp_path / "small")
    assert ended.code == 0, ended.err
    assert read_model(tmp_path / "small").table_bits == 8
    difference = np.abs(
        load(tmp_path / "small").predict_proba([TEXT])
        - load(PLACE / "subwords.bin").predict_proba([TEXT])
    )
    assert difference.max() < 0.02
    ended = invoke("quantize", tmp_path / "quantised.ftz", "--output", tmp_path / "none")
    assert ended.code == 2
    assert "product-quantised already" in ended.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("convert", "{place}/cbow.bin"), "holds the word vectors of a cbow model"),
        (("convert", "{place}/expected.json"), "is no model file of fastText"),
        (("convert", "missing.bin"), "cannot be read"),
        (("export", "{place}/hs.bin"), "cannot be exported to ONNX"),
        (("export", "{place}/quantised.ftz", "--int8"), "leave out --int8"),
    ],
)
def test_what_is_refused(invoke, arguments, message, tmp_path):
    given = [word.format(place=PLACE) for word in arguments]
    ended = invoke(*given, "--output", tmp_path / "out")
    assert ended.code == 2
    assert message in ended.err
    assert ended.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_output_is_not_replaced(invoke, tmp_path):
    (tmp_path / "mine").mkdir()
    ended = invoke("convert", PLACE / "hs.bin", "--output", tmp_path / "mine")
    assert ended.code == 2
    given = ["convert", PLACE / "hs.bin", "--output", tmp_path / "model"]
    assert invoke(*given).code == 0
    assert invoke(*given).code == 2
    assert invoke(*given, "--overwrite").code == 0


def test_commands_take_the_file_for_a_folder(invoke, tmp_path):
    model = tmp_path / "model.bin"
    shutil.copy(PLACE / "subwords.bin", model)
    ended = invoke("predict", model, TEXT, "--json")
    assert ended.lines[0]["label"] == "food"
    shutil.copy(PLACE / "test.txt", tmp_path / "train.txt")
    lines = (PLACE / "test.txt").read_text().splitlines()
    (tmp_path / "test.txt").write_text(
        "".join(f"{line}\n" for line in lines if line.startswith("__label__") and " " in line)
    )
    ended = invoke("evaluate", model, tmp_path / "test.txt", "--json")
    assert ended.code == 0, ended.err
    assert ended.lines[0]["accuracy"] > 0.9
    (described,) = invoke("info", model, "--json").lines
    assert described["labels"] == ["food", "space", "music", "sport"]
    assert described["size_bytes"] == model.stat().st_size
    assert described["config"]["loss"] == "softmax"
    assert "texts are read whole" in invoke("info", model).out
    (explained,) = invoke("predict", model, TEXT, "--explain", "--json").lines
    shares = [token["attribution"] for token in explained["explanation"]]
    assert [token["token"] for token in explained["explanation"]] == TEXT.split()
    assert sum(shares) == pytest.approx(explained["log_odds"] - explained["baseline"], abs=1e-3)
    for command in (("--coverage", "0.9"), ("--out-of-scope",)):
        ended = invoke("predict", model, TEXT, *command)
        assert ended.code == 2, command
        assert ended.err.count("\n") == 1


def test_many_files_are_predicted_with_the_file(invoke, tmp_path):
    for number in range(2):
        (tmp_path / f"part-{number}.txt").write_text(f"{TEXT}\n")
    words = ("--input", tmp_path / "part-*.txt", "--output", tmp_path / "out", "--threads", "1")
    assert invoke("predict", PLACE / "subwords.bin", *words).code == 0
    again = invoke("predict", PLACE / "subwords.bin", *words)
    assert again.err == "2 of 2 parts already predicted, left as they are\n"
    assert invoke("predict", PLACE / "ova.bin", *words).code == 2  # another model


def test_what_needs_a_folder_or_a_model_of_ours_says_so(invoke, tmp_path):
    for command, message in (
        (("train", PLACE / "test.txt", "--from", PLACE / "hs.bin"), "from scratch"),
        (("push", PLACE / "hs.bin", "me/mine"), "convert"),
        (("inspect", PLACE / "hs.bin", "a text"), "no waves"),
    ):
        ended = invoke(*command, *(["--output", tmp_path / "new"] if "train" in command else []))
        assert ended.code == 2, command
        assert message in ended.err
        assert ended.err.count("\n") == 1


def test_the_estimator_does_not_take_it():
    with pytest.raises(ConfigError, match=r"use wave_network\.load"):
        WaveClassifier.load(PLACE / "hs.bin")


def test_the_fasttext_command_prints_and_reads(invoke, tmp_path):
    (tmp_path / "lines.txt").write_text(f"{TEXT}\n")
    ended = invoke("fasttext", "predict-prob", PLACE / "subwords.bin", tmp_path / "lines.txt", 2)
    assert ended.code == 0, ended.err
    first, score, *_ = ended.out.split()
    assert first == "__label__food"
    assert 0.5 < float(score) <= 1.00001
    ended = invoke("fasttext", "predict", PLACE / "cbow.bin", tmp_path / "lines.txt")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
