import json

import pytest

from wave_network import load
from wave_network.data import read_splits


@pytest.fixture
def texts():
    return read_splits("sample").train["text"][:3]


def test_a_training_text_is_its_own_neighbour(invoke, sample_model, texts):
    ended = invoke("similar", sample_model, "--data", "sample", "--count", 4, *texts)
    assert ended.code == 0, ended.err
    assert ended.err.splitlines()[0] == "searching 1,400 texts: sample (train)"
    engine = load(sample_model)
    for row, (text, line) in enumerate(zip(texts, ended.lines, strict=True), start=1):
        assert list(line) == ["text", "label", "score", "similar"]
        assert line["label"] == engine.predict([text])[0].label
        first, *others = line["similar"]
        assert (first["row"], first["text"]) == (row, text)
        assert first["similarity"] == pytest.approx(1, abs=1e-5)
        assert len(others) == 3
        assert [one["similarity"] for one in others] == sorted(
            (one["similarity"] for one in others), reverse=True
        )


def test_several_labels_a_text_are_lists(invoke, sample_model, tmp_path):
    rows = [{"text": "rain", "label": ["wet", "grey"]}, {"text": "sun", "label": []}]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    ended = invoke("similar", sample_model, "--data", path, "rain")
    assert [one["label"] for one in ended.lines[0]["similar"]] == [["wet", "grey"], []]


def test_bad_input_is_refused(invoke, sample_model):
    ended = invoke("similar", sample_model, "--data", "sample", "--count", 0, "rain")
    assert (ended.code, "--count must be between 1 and 1,000" in ended.err) == (2, True)
    ended = invoke("similar", sample_model, "--data", "absent.csv", "rain")
    assert (ended.code, "absent.csv" in ended.err) == (2, True)
