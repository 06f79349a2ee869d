"""`wave-network distill`, on a tiny encoder."""

import json

import pytest
from tiny_encoder import WORDS, write_encoder

from wave_network.few_labels.vectors import read_vectors


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return write_encoder(tmp_path_factory.mktemp("encoder"))


def test_vectors_are_written_and_described(invoke, encoder, tmp_path):
    output = tmp_path / "vectors"
    ended = invoke("distill", encoder, "--output", output, "--size", 8)
    size = sum(path.stat().st_size for path in output.iterdir()) / 1e6
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        f"vectors     {output} ({size:.1f} MB)\nwords       16, 8 numbers each, float16\n"
    )
    assert read_vectors(str(output)).words == tuple(WORDS)


def test_as_json(invoke, encoder, tmp_path):
    ended = invoke("distill", encoder, "--output", tmp_path / "vectors", "--json")
    assert json.loads(ended.out) == {
        "vectors": str(tmp_path / "vectors"),
        "encoder": str(encoder),
        "words": 16,
        "size": 24,  # what the encoder has
        "size_bytes": sum(path.stat().st_size for path in (tmp_path / "vectors").iterdir()),
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--size", 0], "--size must be between 1 and 4096; got 0"),
        (["--output", "exists"], "exists exists: choose another --output, or replace it with"),
        (["--output", "exists", "--overwrite"], "exists is not a folder of vectors"),
    ],
)
def test_bad_options(invoke, encoder, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exists").mkdir()
    (tmp_path / "exists" / "precious.txt").write_text("mine", "utf-8")
    options = options if "--output" in options else [*options, "--output", "new"]
    assert message in invoke("distill", encoder, *options).message
    assert [path.name for path in tmp_path.iterdir()] == ["exists"]


def test_what_is_no_encoder(invoke, tmp_path):
    missing = tmp_path / "missing"
    ended = invoke("distill", missing, "--output", tmp_path / "vectors")
    assert ended.message == f"no encoder at {missing}: there is no such folder"
    ended = invoke("distill", tmp_path, "--output", tmp_path / "vectors")
    assert "has no tokenizer.json" in ended.message
