"""`train --cache`: what is kept, what is reused, and what is refused."""

import json

import pytest


@pytest.fixture
def train(invoke, few):
    def run(output, *more):
        options = ("--preset", "tiny", "--epochs", 1, "--cache", "kept", "--output", output)
        return invoke("train", few, *options, *more)

    return run


def weights(folder):
    return (folder / "model.safetensors").read_bytes()


def test_a_second_training_starts_with_the_cache(train, few, tmp_path):
    first, again = json.loads(train("a", "--json").out), train("b")
    assert first["cache"]["folder"] == "kept"
    assert first["cache"]["written_bytes"] > 0
    assert first["cache"]["reused_bytes"] == 0
    assert "cache: rows of few.csv reused, 0.0 MB" in again.err
    assert " written to " not in again.err
    assert weights(tmp_path / "a") == weights(tmp_path / "b")
    # A damaged entry is said and made again.
    for path in (tmp_path / "kept").glob("*/*.bin"):
        path.write_bytes(path.read_bytes()[:-1])
    damaged = train("c")
    assert "is damaged" in damaged.err
    assert "cache: rows of few.csv written to kept, 0.0 MB" in damaged.err
    assert weights(tmp_path / "a") == weights(tmp_path / "c")


def test_a_folder_with_other_files_is_no_cache(train, tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "thesis.txt").write_text("precious")
    ended = train("a")
    assert ended.code == 2
    assert "holds other files than those of a cache ('thesis.txt')" in ended.message
    assert "--cache" in ended.message
    assert (tmp_path / "kept" / "thesis.txt").read_text() == "precious"
