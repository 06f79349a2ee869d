"""Few labels and a language model, with one that has learnt nothing."""

import sys

import numpy as np
import pytest
from language_models import write_small


@pytest.fixture
def module(monkeypatch):
    import few_labels_data
    import wave_lm_few_labels

    monkeypatch.setattr(few_labels_data, "TESTED", 40)
    monkeypatch.setattr(wave_lm_few_labels, "ARCHIVED", 60)
    monkeypatch.setattr(wave_lm_few_labels, "_TOKENS_READ", 24)
    monkeypatch.setattr(wave_lm_few_labels, "_EPOCHS", {8: 1})
    return wave_lm_few_labels


def test_arms_are_measured_and_shown(module, topics, tmp_path, monkeypatch, capsys):
    output = ("--output", str(tmp_path / "rows.csv"))
    first = (topics, write_small(tmp_path / "lm"), "--per-class", "8", "--draws", "1")
    arms = ("--arms", "small:lm,lm:tuned", "--held-out")
    for arguments in ((*first, *arms), (*first, "--arms", "lm:linear"), ("--table",)):
        argv = ["wave_lm_few_labels.py", *map(str, arguments), *output]
        monkeypatch.setattr(sys, "argv", argv)
        module.main()
    header, _, *lines = capsys.readouterr().out.splitlines()[-5:]
    assert header == "| data | rows | LM | model | 8 a class |"
    assert [line.split(" | ")[1] for line in lines] == ["held out", "held out", "test"]
    assert all(0 < float(line.split(" | ")[-1].strip(" |")) <= 100 for line in lines)


def test_a_words_vector_is_the_mean_where_it_ends(module, tmp_path):
    texts = ["Rain, rain and más rain.", "No rain: and más sun", "and más"]
    reader = module.Reader(write_small(tmp_path / "lm"), texts)
    lines = module.Path(reader.word_vectors).read_text(encoding="utf-8").splitlines()
    assert [line.split()[0] for line in lines] == ["rain", "and", "más"]
    only = module.Reader(reader.folder, ["más"] * 3)
    ((word, *numbers),) = (
        line.split() for line in module.Path(only.word_vectors).read_text("utf-8").splitlines()
    )
    outputs = next(only.layers(["más"]))[2]
    assert word == "más"
    np.testing.assert_allclose(np.array(numbers, float), outputs[-1, -2], rtol=1e-3, atol=1e-4)


def test_texts_are_read_alone(module, tmp_path):
    reader = module.Reader(write_small(tmp_path / "lm"), [])
    texts = ["The parcel has not arrived yet.", "Hm", "My invoice is wrong: I was charged twice!"]
    alone = np.concatenate([module.Reader(reader.folder, []).means([text]) for text in texts])
    np.testing.assert_allclose(reader.means(texts), alone, atol=1e-5)
