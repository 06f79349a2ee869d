"""Training with the archived module's arguments."""

import inspect
import logging

import numpy as np
import pytest
from fasttext_models import PLACE

from wave_network import fasttext
from wave_network.errors import ConfigError, DataError
from wave_network.fasttext import training
from wave_network.fasttext.arguments import OPTIONS, translated

DATA = str(PLACE / "test.txt")


def test_the_arguments_in_their_order():
    assert list(training.ARGUMENTS) == [
        *("input", "lr", "dim", "ws", "epoch", "minCount", "minCountLabel", "minn", "maxn", "neg"),
        *("wordNgrams", "loss", "bucket", "thread", "lrUpdateRate", "t", "label", "verbose"),
        *("pretrainedVectors", "seed", "autotuneValidationFile", "autotuneMetric"),
        *("autotunePredictions", "autotuneDuration", "autotuneModelSize"),
    ]
    names = {training._OPTIONS.get(name, name) for name in training.ARGUMENTS}
    assert names <= set(OPTIONS)
    assert {"output", "saveOutput"} == set(OPTIONS) - names


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((), {}, ConfigError, "give a file"),
        (("nowhere.txt",), {}, DataError, "nowhere.txt does not exist"),
        ((DATA,), {"foo": 1}, TypeError, "unexpected keyword argument 'foo'"),
        ((DATA,), {"input": DATA}, TypeError, "multiple values for argument 'input'"),
        ((DATA,), {"wordNgrams": 2, "word_ngrams": 2}, TypeError, "multiple values"),
        ((DATA,), {"loss": "x"}, ConfigError, "Unrecognized loss name"),
        ((DATA,), {"epoch": "many"}, ConfigError, "not a whole number"),
        ((DATA,), {"label": "#"}, ConfigError, "labels must start with __label__"),
    ],
)
def test_what_is_refused(arguments, options, error, message):
    with pytest.raises(error, match=message):
        fasttext.train_supervised(*arguments, **options)


def test_what_an_argument_becomes_is_said_once(caplog):
    training._said.clear()
    translation = translated([("-lr", "0.5"), ("-epoch", "3"), ("-verbose", "0")])
    with caplog.at_level(logging.WARNING):
        training.say_once(translation)
        training.say_once(translation)
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith("-lr 0.5: ignored: ")


def test_the_model_is_ours(trained):
    assert trained.predict("bake the bread in the oven")[0] == ("__label__food",)
    assert trained.labels == [f"__label__{name}" for name in ("food", "music", "space", "sport")]


def test_the_same_seed_gives_the_same_model(trained):
    again = fasttext.train_supervised(DATA, 0.1, epoch=2, seed=1, thread=1)
    np.testing.assert_array_equal(again.get_input_matrix(), trained.get_input_matrix())


def test_the_signature_takes_older_names():
    named = {"word_ngrams": 2, "min_count": 1}
    given = training.by_name((DATA, 0.5), named, training.ARGUMENTS)
    assert given == {"input": DATA, "lr": 0.5, "wordNgrams": 2, "minCount": 1}
    assert "args" in inspect.signature(fasttext.train_supervised).parameters
