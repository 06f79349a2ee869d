"""Paths whose names are not UTF-8 work, or end in one clear line."""

import os
import shutil

import pytest
from cli_helpers import labelled_rows, write_csv

NAME = os.fsdecode(b"caf\xe9")
SHOWN = "caf\\udce9"


@pytest.fixture
def model(tiny_model, tmp_path):
    return shutil.copytree(tiny_model, tmp_path / NAME)


@pytest.fixture
def data(tmp_path):
    return write_csv(tmp_path / f"{NAME}.csv", labelled_rows())


def test_commands_take_them(invoke, model, data):
    for words in (
        ["train", data, "--preset", "tiny", "--epochs", "1", "--output", f"{NAME}-1"],
        ["quantize", model, "--output", f"{NAME}-2", "--data", data],
        ["export", model, "--output", f"{NAME}-3"],
        ["report", model, "--data", data, "--training", data, "--output", f"{NAME}.html"],
        ["info", model],
        ["evaluate", model, data],
        ["predict", model, "cat"],
        ["predict", model, "--input", data, "--output", f"{NAME}.parquet", "--keep-columns"],
        ["predict", model, "--input", data, "--explain-html", f"{NAME}-4.html"],
    ):
        ended = invoke(*words)
        assert ended.code == 0, (words, ended)
        assert NAME not in ended.out + ended.err


@pytest.mark.parametrize(
    "words",
    [
        ["predict", "MODEL", "--input", f"{NAME}.parquet"],
        ["train", f"{NAME}.parquet"],
        ["train", "--log-to", f"tensorboard:{NAME}"],
        ["tune", "--trials", "1", "--output", NAME + "-tuned"],
        ["predict", f"{NAME}-none", "cat"],
    ],
    ids=" ".join,
)
def test_or_say_why_not(invoke, tiny_model, tmp_path, words):
    (tmp_path / f"{NAME}.parquet").write_bytes(b"PAR1")
    words = [tiny_model if word == "MODEL" else word for word in words]
    assert SHOWN in invoke(*words).message
