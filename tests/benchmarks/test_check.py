"""The check before any timing: it passes what is right, and sees what is wrong."""

import subprocess
import sys

import numpy as np
import pytest

from wave_network.text.word_table import word_table


@pytest.fixture
def model(sample_model):
    """What `compare_answers` needs of a trained model."""

    class Trained:
        folder = sample_model

        def __init__(self):
            from wave_network import load

            self.engine = load(sample_model)

    return Trained()


def red(findings):
    return [what for what, difference, tolerance in findings if difference > tolerance]


def findings_on(model):
    from check import ODD_TEXTS, compare_answers
    from wave_network.data import read_splits

    return list(compare_answers(model, [*read_splits("sample").test[:50]["text"], *ODD_TEXTS]))


def test_right_answers(model):
    findings = findings_on(model)
    assert len(findings) == 5
    assert red(findings) == []


def test_answers_that_depend_on_the_batch(model, monkeypatch):
    right = model.engine.predict_proba

    def leaky(texts):
        probabilities = right(texts)
        return probabilities * (1 + 1e-5 * np.arange(len(probabilities))[:, None])

    monkeypatch.setattr(model.engine, "predict_proba", leaky)
    assert {"alone and in a batch", "in reverse order"} <= set(red(findings_on(model)))


def test_other_weights_than_the_folder_s(model):
    model.engine._network.tensors["embedding.weight"] *= 1.01
    assert red(findings_on(model)) == ["torch and the engine"]


def test_a_poisoned_cache(model):
    from check import compare_answers

    tokenizer = model.engine.tokenizer
    wrong = tokenizer.encode(["telescope"]).ids[1:].tobytes()
    model.engine.tokenizer._words = word_table()
    model.engine.tokenizer._words.add({"striker": wrong})
    texts = ["striker telescope", "a"]
    assert [what for what in red(compare_answers(model, texts)) if "plain" in what]


def test_a_model_that_is_none_of_ours(scripts):
    command = [sys.executable, str(scripts / "check.py"), "sample", "--models", "tfidf-unigram"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "'tfidf-unigram' is not one of small," in done.stderr
