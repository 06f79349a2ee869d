"""Models that fastText trained answer as fastText does: labels, their order and probabilities."""

import numpy as np
import pytest
from fasttext_models import (
    CLASSIFIERS,
    EXPECTED,
    LINES,
    MODELS,
    PLACE,
    WORDS,
    every_classifier,
    every_model,
)
from native import every_form, native_hidden

from wave_network import fasttext
from wave_network.errors import ConfigError, DataError, OutputError
from wave_network.fasttext.file import read_file

CLOSE = {"rtol": 1e-5, "atol": 1e-6}


@pytest.fixture(scope="module")
def models():
    return {name: fasttext.load_model(PLACE / name) for name in MODELS}


@every_form
@every_classifier
def test_labels_and_probabilities_are_fasttexts_own(name, form):
    with native_hidden(form == "not compiled"):
        model = fasttext.load_model(PLACE / name)
        names = model.labels
        for (count, threshold), expected in zip(
            EXPECTED["asked"], MODELS[name]["predict"], strict=True
        ):
            lines = LINES[: len(expected)]
            for line, answer, right in zip(
                lines, model.answers(lines, count, threshold), expected, strict=True
            ):
                found = [] if answer is None else [names[place] for place in answer.labels]
                assert found == [label for _, label in right], line
                probabilities = [] if answer is None else answer.probabilities
                np.testing.assert_allclose(probabilities, [score for score, _ in right], **CLOSE)


@every_classifier
def test_the_same_lines_one_by_one_and_together(models, name):
    model = models[name]
    together = list(model.answers(LINES, 3, 0.0))
    alone = [answer for line in LINES for answer in model.answers([line], 3, 0.0)]
    assert together == alone


def test_predict_takes_a_line_or_a_list(models):
    model = models["softmax.bin"]
    labels, probabilities = model.predict("bake the bread")
    assert labels == ("__label__food",)
    assert probabilities.dtype == np.float64
    assert probabilities.shape == (1,)
    both = model.predict(["bake the bread", "goal"], k=2)
    assert both[0][0][0] == "__label__food"
    assert [each.dtype for each in both[1]] == [np.float32, np.float32]
    assert both[1][0][0] == np.float32(probabilities[0])
    assert model.predict("bake", threshold=1.1)[0] == ()
    assert model.predict([]) == ([], [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("two\nlines",), "predict processes one line at a time"),
        (("a", 0), "k needs to be 1 or higher!"),
        (("a", -2), "k needs to be 1 or higher!"),
    ],
)
def test_what_predict_refuses(models, arguments, message):
    with pytest.raises(ValueError, match=message):
        models["softmax.bin"].predict(*arguments)


def test_word_vectors_classify_nothing(models):
    assert models["cbow.bin"].get_labels() == models["cbow.bin"].words
    for ask in (lambda m: m.predict("a"), lambda m: m.test(PLACE / "test.txt")):
        with pytest.raises(ValueError, match="needs to be supervised"):
            ask(models["cbow.bin"])


@every_classifier
def test_a_file_is_measured_as_by_fasttext(models, name):
    for (count, threshold), right in zip(EXPECTED["asked"], MODELS[name]["test"], strict=False):
        found = models[name].test(str(PLACE / "test.txt"), count, threshold)
        np.testing.assert_allclose(found, right)


def test_each_label_is_measured(models):
    found = models["softmax.bin"].test_label(PLACE / "test.txt")
    lines = (PLACE / "test.txt").read_text().splitlines()
    assert set(found) == set(models["softmax.bin"].labels)
    assert found["__label__food"]["recall"] > 0.9
    for name, scores in found.items():
        assert any(line.startswith(name) for line in lines)
        both = scores["precision"], scores["recall"]
        assert scores["f1score"] == pytest.approx(2 * np.prod(both) / sum(both))
    with pytest.raises(DataError, match="Test file cannot be opened!"):
        models["softmax.bin"].test("nowhere.txt")


@every_form
@every_model
def test_words_and_vectors_are_fasttexts_own(name, form):
    with native_hidden(form == "not compiled"):
        model, right = fasttext.load_model(PLACE / name), MODELS[name]
        assert model.get_dimension() == right["dimension"]
        assert model.is_quantized() == right["is_quantized"]
        words, counts = model.get_words(include_freq=True)
        assert [words, counts.tolist()] == right["words"]
        assert [model.get_word_id(word) for word in WORDS] == right["word_ids"]
        vectors = [model.get_word_vector(word) for word in WORDS]
        np.testing.assert_allclose(vectors, right["vectors"], **CLOSE)
        np.testing.assert_allclose(model.get_input_vector(3), right["row"], **CLOSE)
        lines = [line.decode() for line in LINES[: len(right["sentences"])]]
        sentences = [model.get_sentence_vector(line.rstrip("\n")) for line in lines]
        np.testing.assert_allclose(sentences, right["sentences"], rtol=1e-4, atol=1e-6)


@every_model
def test_parts_of_words_and_lines(models, name):
    model, right = models[name], MODELS[name]
    for word, (parts, rows) in zip(WORDS, right["subwords"], strict=True):
        found = model.get_subwords(word)
        assert found[1].tolist() == rows
        if name != "pruned.ftz":  # where fastText also names the parts without a row
            assert found[0] == parts
    for line, expected in zip(LINES, right["lines"], strict=False):
        if line.endswith(b"\n"):
            assert list(model.get_line(line[:-1].decode())) == expected
    assert model.get_line(["goal", ""])[0] == [["goal", "</s>"], ["</s>"]]
    assert model.get_line([]) == ([], [])
    with pytest.raises(ValueError, match="get_line processes one line at a time"):
        model.get_line("a\nb")


@every_model
def test_neighbours_and_analogies(models, name):
    model, right = models[name], MODELS[name]
    for found, expected in (
        (model.get_nearest_neighbors("bread", 4), right["neighbors"]),
        (model.get_analogies("bread", "oven", "goal", 4), right["analogies"]),
    ):
        np.testing.assert_allclose([s for s, _ in found], [s for s, _ in expected], atol=1e-5)
        if len({round(score, 5) for score, _ in expected}) == len(expected):
            assert [word for _, word in found] == [word for _, word in expected]
    assert model.get_nearest_neighbors("bread", 0) == []


def test_labels_with_counts_and_ids(models):
    for name in CLASSIFIERS:
        labels, counts = models[name].get_labels(include_freq=True)
        assert [labels, counts.tolist()] == MODELS[name]["labels"]
        assert models[name].get_label_id(labels[1]) == 1
        assert models[name].get_label_id("bread") == -1


def test_matrices(models):
    table = models["subwords.bin"].get_input_matrix()
    np.testing.assert_array_equal(table[3], models["subwords.bin"].get_input_vector(3))
    assert models["subwords.bin"].get_output_matrix().shape == (4, 4)
    assert models["subwords.bin"].get_subword_id("<br") >= len(models["subwords.bin"].words)
    for method in ("get_input_matrix", "get_output_matrix"):
        with pytest.raises(ValueError, match="Can't get quantized Matrix"):
            getattr(models["pruned.ftz"], method)()
    with pytest.raises(ConfigError, match="there is no row -1"):
        models["softmax.bin"].get_input_vector(-1)  # fastText reads outside its memory
    with pytest.raises(ConfigError, match="no subwords"):
        models["softmax.bin"].get_subword_id("ab")


def test_it_behaves_like_a_dictionary_of_words(models):
    model = models["skipgram.bin"]
    assert "bread" in model
    assert "breads" not in model
    np.testing.assert_array_equal(model["bread"], model.get_word_vector("bread"))


def test_a_saved_model_is_the_same_file(models, tmp_path):
    models["hs.bin"].save_model(tmp_path / "copy.bin")
    assert (tmp_path / "copy.bin").read_bytes() == (PLACE / "hs.bin").read_bytes()
    models["ns.bin"].save_model(str(tmp_path / "copy.bin"))  # as fastText, it replaces a model
    assert (tmp_path / "copy.bin").read_bytes() == (PLACE / "ns.bin").read_bytes()
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="exists"):
        models["hs.bin"].save_model(tmp_path / "thesis.txt")
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_quantizing_is_refused_with_a_word(models):
    with pytest.raises(ConfigError, match="wave-network convert"):
        models["hs.bin"].quantize(input="train.txt")


def test_labels_that_are_no_utf8(tmp_path):
    content = (PLACE / "softmax.bin").read_bytes().replace(b"__label__food", b"__label__f\xffod")
    (tmp_path / "odd.bin").write_bytes(content)
    model = fasttext.load_model(tmp_path / "odd.bin")
    with pytest.raises(UnicodeDecodeError):
        model.predict("bread")
    assert model.predict("bread", on_unicode_error="replace")[0] == ("__label__f\ufffdod",)
    assert read_file(tmp_path / "odd.bin").dictionary.labels[0] == b"__label__f\xffod"
