"""`wave-network vectors`."""

import gzip
import io
import json

import pytest
from topics import topic_texts

from wave_network.few_labels.vectors import read_vectors

TEXTS = topic_texts(200, words=10)[0]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "archive.txt"
    path.write_text("\n".join(TEXTS) + "\n")
    return path


def test_vectors_are_written_and_described(invoke, file, tmp_path):
    output = tmp_path / "vectors"
    ended = invoke("vectors", file, "--output", output, "--size", 8)
    size = sum(path.stat().st_size for path in output.iterdir()) / 1e6
    assert ended.code == 0
    assert ended.out == (f"vectors     {output} ({size:.1f} MB)\nwords       50, 8 numbers each\n")
    assert "texts: 200, with 2,400 words\n" in ended.err
    assert "words with a vector: 50\n" in ended.err
    assert len(read_vectors(str(output)).words) == 50


def test_every_kind_of_file_gives_the_same_vectors(invoke, file, tmp_path, monkeypatch):
    rows = [json.dumps({"body": text}) + "\n" for text in TEXTS]
    (tmp_path / "one.jsonl").write_text("".join(rows[:120]))
    (tmp_path / "two.jsonl.gz").write_bytes(gzip.compress("".join(rows[120:]).encode()))
    names = {"lines": [file], "rows": [tmp_path / "one.jsonl", tmp_path / "two.jsonl.gz"]}
    for name, files in names.items():
        given = ["--text-column", "body", "--threads", 1 if name == "rows" else 2]
        output = tmp_path / f"{name}.vec"
        assert invoke("vectors", *files, "--output", output, "--size", 8, *given).code == 0
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
    ended = invoke("vectors", "-", "--output", tmp_path / "stdin.vec", "--size", 8, "--json")
    assert json.loads(ended.out) == {
        "vectors": str(tmp_path / "stdin.vec"),
        "words": 50,
        "subwords": json.loads(ended.out)["subwords"],
        "size": 8,
        "size_bytes": (tmp_path / "stdin.vec").stat().st_size,
    }
    written = {(tmp_path / f"{name}.vec").read_bytes() for name in ("lines", "rows", "stdin")}
    assert len(written) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--size", 1], "--size must be between 2 and 1000; got 1"),
        (["--window", 0], "--window must be between 1 and 100; got 0"),
        (["--min-count", 1_000], "too few words occur 1000 times: give more texts"),
        (["--output", "archive.txt"], "archive.txt exists: choose another --output"),
        (["--output", "archive.txt", "--overwrite"], "archive.txt is not a folder of vectors"),
        (["missing.txt"], "missing.txt does not exist"),
        (["archive.dat"], "archive.dat "),
    ],
)
def test_bad_input(invoke, file, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "archive.dat").write_bytes(b"\0\1\2")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    options = options if "--output" in options else [*options, "--output", "new"]
    ended = invoke("vectors", "archive.txt", *options)
    assert ended.code == 2
    assert message in ended.err.splitlines()[-1]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
