"""A model of ours with the methods of the archived module's models."""

import inspect
from pathlib import Path

import numpy as np
import pytest
from fasttext_models import PLACE

from wave_network import fasttext, load
from wave_network.errors import ConfigError
from wave_network.fasttext.model import FastText
from wave_network.fasttext.original import OriginalModel
from wave_network.fasttext.ours import WaveModel


def test_it_predicts_as_the_model_itself(trained, tmp_path):
    trained.save_model(tmp_path / "model.bin")
    engine = load(tmp_path / "model.bin")
    texts = ["bake the bread", "goal goal", ""]
    labels, probabilities = trained.predict(texts, k=-1)
    for text, names, scores in zip(texts, labels, probabilities, strict=True):
        (prediction,) = engine.predict([text])
        assert names == [f"__label__{label}" for label in prediction.scores]
        np.testing.assert_allclose(scores, list(prediction.scores.values()), rtol=1e-5)
    assert trained.predict("bake the bread")[0] == (labels[0][0],)
    assert trained.predict("bake", threshold=1.01)[0] == ()
    with pytest.raises(ValueError, match="k needs to be 1 or higher!"):
        trained.predict("bake", k=0)


def test_a_saved_model_is_loaded_again(trained, tmp_path):
    trained.save_model(str(tmp_path / "model.bin"))
    again = fasttext.load_model(str(tmp_path / "model.bin"))
    for one, other in zip(trained.predict(["bake"], 2), again.predict(["bake"], 2), strict=True):
        np.testing.assert_equal(one, other)
    assert again.labels == trained.labels


def test_lines_are_measured_by_their_labels(trained):
    lines = (PLACE / "test.txt").read_text().splitlines()
    texts = [line.partition(" ")[2] for line in lines if line.startswith("__label__")]
    given = [line.partition(" ")[0] for line in lines if line.startswith("__label__")]
    right = [
        labels == [label] for labels, label in zip(trained.predict(texts)[0], given, strict=True)
    ]
    count, precision, recall = trained.test(PLACE / "test.txt")
    assert count == len(texts)
    assert precision == recall == pytest.approx(np.mean(right))
    assert set(trained.test_label(PLACE / "test.txt")) == set(trained.labels)


def test_words_and_their_vectors(trained):
    words = trained.get_words()
    assert "bread" in trained
    assert words[trained.get_word_id("bread")] == "bread"
    assert trained.get_word_id("nowhere") == -1
    vector = trained.get_word_vector("bread")
    assert vector.shape == (trained.get_dimension(),)
    parts, rows = trained.get_subwords("bread")
    np.testing.assert_array_equal(vector, trained.get_input_matrix()[rows].mean(axis=0))
    assert len(parts) == len(rows)
    np.testing.assert_array_equal(
        trained.get_input_vector(rows[0]), trained.get_input_matrix()[rows[0]]
    )
    assert trained.get_word_vector("").tolist() == [0.0] * trained.get_dimension()
    assert trained.get_sentence_vector("bake bread").shape == vector.shape
    neighbours = trained.get_nearest_neighbors("bread", 3)
    assert len(neighbours) == 3
    assert "bread" not in [word for _, word in neighbours]
    assert len(trained.get_analogies("bread", "oven", "goal", 2)) == 2


def test_lines_are_split_into_words_and_labels(trained):
    found = trained.get_line("__label__food the __label__other cat")
    assert found == (["the", "cat", "</s>"], ["__label__food"])
    assert trained.get_label_id("__label__food") == trained.labels.index("__label__food")
    assert trained.get_label_id("food") == -1


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        ("get_subword_id", ("ab",), "hashes no subwords"),
        ("get_output_matrix", (), "several matrices"),
        ("get_input_vector", (10**9,), "there is no row"),
        ("get_sentence_vector", ("a\nb",), "one line at a time"),
    ],
)
def test_what_cannot_mean_the_same_says_so(trained, method, arguments, message):
    with pytest.raises(ValueError, match=message):
        getattr(trained, method)(*arguments)


def test_quantizing(trained, tmp_path):
    trained.save_model(tmp_path / "model.bin")
    model = fasttext.load_model(tmp_path / "model.bin")
    assert not model.is_quantized()
    model.quantize(input="train.txt", retrain=True, qnorm=True, cutoff=100_000)
    assert model.is_quantized()
    with pytest.raises(ConfigError, match="quantized already"):
        model.quantize()
    with pytest.raises(ValueError, match="Can't get quantized Matrix"):
        model.get_input_matrix()
    model.save_model(tmp_path / "model.ftz")
    small, large = (
        sum(path.stat().st_size for path in (tmp_path / name).iterdir())
        for name in ("model.ftz", "model.bin")
    )
    assert small < 0.6 * large
    assert fasttext.load_model(tmp_path / "model.ftz").is_quantized()
    answers = [
        one.predict("bake the bread")
        for one in (model, fasttext.load_model(tmp_path / "model.ftz"))
    ]
    assert answers[0][0] == answers[1][0]


# The archived module's methods, with their arguments and defaults.
METHODS = {
    "predict": "(text, k=1, threshold=0.0, on_unicode_error='strict')",
    "test": "(path, k=1, threshold=0.0)",
    "test_label": "(path, k=1, threshold=0.0)",
    "get_labels": "(include_freq=False, on_unicode_error='strict')",
    "get_words": "(include_freq=False, on_unicode_error='strict')",
    "get_word_id": "(word)",
    "get_label_id": "(label)",
    "get_subword_id": "(subword)",
    "get_subwords": "(word, on_unicode_error='strict')",
    "get_input_vector": "(ind)",
    "get_word_vector": "(word)",
    "get_sentence_vector": "(text)",
    "get_nearest_neighbors": "(word, k=10, on_unicode_error='strict')",
    "get_analogies": "(wordA, wordB, wordC, k=10, on_unicode_error='strict')",
    "get_input_matrix": "()",
    "get_output_matrix": "()",
    "get_line": "(text, on_unicode_error='strict')",
    "get_dimension": "()",
    "is_quantized": "()",
    "save_model": "(path)",
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", [FastText, WaveModel, OriginalModel])
def test_arguments_and_defaults_are_those_of_the_module(kind, method):
    signature = inspect.signature(getattr(kind, method))
    plain = [
        value.replace(annotation=inspect.Parameter.empty)
        for name, value in signature.parameters.items()
        if name != "self"
    ]
    assert str(inspect.Signature(plain)) == METHODS[method]


def test_the_page_lists_every_method():
    page = Path(__file__).resolve().parents[2] / "docs" / "migrating-from-fasttext.md"
    text = page.read_text(encoding="utf-8")
    assert not [method for method in (*METHODS, "quantize") if f"`{method}" not in text]
