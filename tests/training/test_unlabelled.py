"""Training with unlabelled texts and no named teacher."""

from dataclasses import replace

import numpy as np
import pytest
from fitting import fit
from topics import topic_texts

from wave_network.config import PRESETS
from wave_network.data import from_memory
from wave_network.data.memory import texts_from_memory
from wave_network.errors import ConfigError, DataError
from wave_network.persistence.card import render_card
from wave_network.persistence.folder import read_model, write_model
from wave_network.runtime import Engine

TINY = replace(PRESETS["tiny"], model={**PRESETS["tiny"].model, "linear_size": 20_000})
CONFIG = replace(TINY.train, epochs=4, min_steps=0, device="cpu")
TEXTS, TOPICS = topic_texts(1_000)
LABELS = [f"topic {topic}" for topic in TOPICS]
LABELLED = from_memory(TEXTS[:24], LABELS[:24])
UNLABELLED = texts_from_memory(TEXTS[24:700])


def accuracy(files):
    answers = Engine(files).predict(TEXTS[700:])
    return np.mean([one.label == label for one, label in zip(answers, LABELS[700:], strict=True)])


@pytest.fixture(scope="module")
def fitted():
    return fit(LABELLED, None, TINY, CONFIG, unlabeled=UNLABELLED)


def test_unlabelled_texts_help_and_it_says_how_much(fitted, tmp_path):
    metrics = fitted.files.metrics
    gain = metrics["unlabeled"]["accuracy"]
    assert gain["with"] > gain["without"]
    plain = accuracy(fit(LABELLED, None, TINY, CONFIG).files)
    assert accuracy(fitted.files) > max(0.9, plain + 0.05)
    assert metrics["validation_method"] == "cross-validation"
    assert metrics["validation_texts"] == metrics["rows"]["train"] == 24
    assert metrics["unlabeled"]["used"] == 676
    assert metrics["validation"]["accuracy"] == pytest.approx(gain["with"], abs=1e-6)
    assert fitted.files.temperature is not None
    assert fitted.files.conformal_thresholds is not None
    write_model(
        tmp_path / "model", fitted.files, card=render_card(fitted.files), history=fitted.history
    )
    assert read_model(tmp_path / "model").metrics["unlabeled"] == metrics["unlabeled"]


def test_the_same_seed_gives_the_same_model(fitted):
    again = fit(LABELLED, None, TINY, CONFIG, unlabeled=UNLABELLED)
    for name, tensor in fitted.files.tensors.items():
        np.testing.assert_array_equal(again.files.tensors[name], tensor)


def test_probabilities_are_as_sure_as_they_are_right(fitted):
    sure = Engine(fitted.files).predict_proba(TEXTS[700:]).max(axis=1).mean()
    assert abs(sure - accuracy(fitted.files)) < 0.15


def test_given_validation_texts_measure_the_model_itself():
    validation = from_memory(TEXTS[700:760], LABELS[700:760])
    files = fit(LABELLED, validation, TINY, CONFIG, unlabeled=UNLABELLED).files
    assert files.metrics["validation_method"] == "given"
    assert files.metrics["validation"]["accuracy"] > 0.9
    assert files.metrics["validation_texts"] == 60
    assert files.metrics["unlabeled"]["in_validation"] == 0


def test_texts_that_do_not_help_are_left_out():
    labels = np.random.default_rng(0).permutation(LABELS[:60]).tolist()
    rows = from_memory(
        [f"{label} {text}" for label, text in zip(labels, TEXTS, strict=False)], labels
    )
    with_, without = (
        fit(rows, None, TINY, CONFIG, unlabeled=unlabeled).files for unlabeled in (UNLABELLED, None)
    )
    assert with_.metrics["unlabeled"]["used"] == 0
    assert with_.metrics["unlabeled"]["accuracy"] is not None
    for name, tensor in without.tensors.items():
        np.testing.assert_array_equal(with_.tensors[name], tensor)


@pytest.mark.parametrize("texts", [TEXTS[:24] * 3, [" "] * 100, ["once more"] * 100])
def test_nothing_new_is_nothing_to_learn_from(texts):
    files = fit(LABELLED, None, TINY, CONFIG, unlabeled=texts_from_memory(texts)).files
    assert files.metrics["unlabeled"]["used"] == 0
    assert files.metrics["unlabeled"]["accuracy"] is None


def test_one_label_of_each_class_is_enough():
    rows = from_memory(TEXTS[:3], LABELS[:3])
    files = fit(rows, None, TINY, CONFIG, unlabeled=UNLABELLED).files
    assert (
        files.metrics["unlabeled"] | {"used": 676, "accuracy": None} == files.metrics["unlabeled"]
    )
    assert files.metrics["validation"] is None
    assert accuracy(files) > 0.5


def test_a_class_without_texts_stays_one_without_texts():
    classes = [*sorted(set(LABELS)), "none"]
    files = fit(LABELLED, None, TINY, CONFIG, unlabeled=UNLABELLED, classes=classes).files
    assert files.config.labels == tuple(classes)
    assert accuracy(files) > 0.9


def test_weights_of_labelled_texts_leave_the_others_a_weight_of_1():
    weights = np.linspace(0.5, 1, 24)
    rows = from_memory(TEXTS[:24], LABELS[:24], weights)
    assert accuracy(fit(rows, None, TINY, CONFIG, unlabeled=UNLABELLED).files) > 0.9


def test_what_cannot_learn_from_them_is_refused():
    lists = from_memory(TEXTS[:24], [[label] for label in LABELS[:24]])
    with pytest.raises(ConfigError, match="one label a text: leave unlabeled out with label lists"):
        fit(lists, None, TINY, CONFIG, unlabeled=UNLABELLED)
    with pytest.raises(DataError, match="there are no unlabelled texts: give some, or leave"):
        fit(LABELLED, None, TINY, CONFIG, unlabeled=texts_from_memory([]))
