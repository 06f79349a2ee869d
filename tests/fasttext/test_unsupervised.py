import logging

import numpy as np
import pytest
from fasttext_models import PLACE
from topics import topic_texts

from wave_network import fasttext
from wave_network.errors import ConfigError, DataError, ModelFolderError, OutputError
from wave_network.fasttext.unsupervised import ARGUMENTS, OPTIONS


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("texts") / "fil9"
    texts, _ = topic_texts(600, words=30)
    path.write_text("".join(f"__label__x {text} Baking baked\n" for text in texts))
    return path


@pytest.fixture(scope="module")
def model(file):
    return fasttext.train_unsupervised(str(file), dim=8, minn=3, maxn=5, bucket=5_000, thread=2)


def test_words_are_those_of_the_file_as_they_are(model, file):
    words, counts = model.get_words(include_freq=True)
    assert words[:2] == ["Baking", "baked"]
    assert counts[:2].tolist() == [600, 600]
    assert {*words} <= {*file.read_text().split()} - {"__label__x"}
    assert model.labels == words
    assert not model.is_quantized()
    assert model.get_dimension() == 8


def test_neighbours_are_words_of_the_same_topic(model):
    texts, labels = topic_texts(600, words=30)
    topic_of = {}
    for text, label in zip(texts, labels.tolist(), strict=True):
        for word in text.split():
            topic_of.setdefault(word, set()).add(label)
    own = [word for word in model.words if len(topic_of.get(word, ())) == 1][:20]
    for word in own:
        found = [other for _, other in model.get_nearest_neighbors(word, 3)]
        assert word not in found
        assert any(topic_of.get(other) == topic_of[word] for other in found)


def test_a_word_is_the_mean_of_its_parts_and_an_unknown_one_has_a_vector(model):
    parts, rows = model.get_subwords("Baking")
    assert parts[0] == "Baking"
    assert {"Bak", "ing"} & {*parts} or "<Ba" not in parts
    mean = np.mean([model.get_input_vector(row) for row in rows.tolist()], axis=0)
    np.testing.assert_allclose(model.get_word_vector("Baking"), mean, atol=1e-5)
    np.testing.assert_array_equal(model["baked"], model.get_word_vector("baked"))
    assert model.get_word_id("unbaked") == -1
    assert model.get_word_vector("unbaked").any()


def test_a_saved_model_is_the_same(model, tmp_path):
    model.save_model(tmp_path / "vectors")
    model.save_model(tmp_path / "vectors.vec")
    found = fasttext.load_model(tmp_path / "vectors")
    assert found.words == model.words
    np.testing.assert_array_equal(found.get_input_matrix(), model.get_input_matrix())
    sentence = "Baking unbaked bread"
    np.testing.assert_array_equal(
        found.get_sentence_vector(sentence), model.get_sentence_vector(sentence)
    )
    model.save_model(tmp_path / "vectors")
    model.save_model(tmp_path / "vectors.vec")
    (tmp_path / "vectors.vec").write_text("mine")
    with pytest.raises(OutputError, match="exists"):
        model.save_model(tmp_path / "vectors.vec")


@pytest.mark.parametrize("name", ["missing", "zero\0byte"])
def test_what_is_not_there_is_said(name):
    with pytest.raises(ModelFolderError, match=r"does not exist|null byte"):
        fasttext.load_model(name)


def test_what_only_a_classifier_can_do_is_refused(model):
    with pytest.raises(ConfigError, match="needs to be supervised"):
        model.predict("Baking")
    with pytest.raises(ConfigError, match="have none"):
        model.get_output_matrix()
    with pytest.raises(ConfigError, match="16 bits already"):
        model.quantize()


def test_arguments_without_meaning_are_said_once(file, caplog):
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            fasttext.train_unsupervised(str(file), "cbow", 0.07, 4, neg=7, min_count=20, maxn=0)
    told = [record.getMessage() for record in caplog.records]
    assert [line.partition(":")[0] for line in told] == ["-model cbow", "-lr 0.07", "-neg 7"]
    assert all(": ignored: " in line for line in told)


def test_every_argument_has_an_option():
    assert {*ARGUMENTS} <= {*OPTIONS}
    assert len(ARGUMENTS) == 20


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({}, ConfigError, "give a text file"),
        ({"input": "missing"}, DataError, "missing cannot be opened for training"),
        ({"input": "file", "model": "glove"}, ConfigError, "Unrecognized model name"),
        ({"input": "file", "dim": "many"}, ConfigError, "-dim many is not a whole number"),
        ({"input": "file", "ws": 0}, ConfigError, "window must be between 1 and 100"),
        ({"input": "file", "minCount": 10**6}, DataError, "too few words occur 1000000 times"),
        ({"input": "file", "autotuneDuration": 5}, TypeError, "unexpected keyword argument"),
    ],
)
def test_what_is_refused(file, given, error, message):
    given = {**given, **({"input": str(file)} if given.get("input") == "file" else {})}
    with pytest.raises(error, match=message):
        fasttext.train_unsupervised(**given)


def test_text_that_is_not_utf_8_is_refused(tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes(b"caf\xe9 " * 20)
    with pytest.raises(DataError, match="not UTF-8"):
        fasttext.train_unsupervised(str(path))


def test_a_models_file_is_not_replaced(model, tmp_path):
    path = tmp_path / "skipgram.bin"
    path.write_bytes((PLACE / "skipgram.bin").read_bytes())
    with pytest.raises(OutputError, match="not a folder of vectors"):
        model.save_model(path)
