"""With many classes, a sparse linear part answers, and does all that a dense one does."""

from dataclasses import replace

import numpy as np
import pytest
from fitting import fit

from wave_network.config import get_preset, override
from wave_network.data import from_memory
from wave_network.persistence.card import render_card
from wave_network.persistence.folder import read_model, write_model
from wave_network.runtime import Engine
from wave_network.training.continual import continued_preset

CLASSES = 400


def drawn(keys, labels, random):
    """Texts of three of a class's six words, among eight of all words."""
    texts = []
    for label in labels:
        words = [*random.choice(keys[label], 3, replace=False), *random.integers(4_000, size=8)]
        texts.append(" ".join(f"w{word}" for word in random.permutation(words)))
    return texts


@pytest.fixture(scope="module")
def texts():
    """Training rows, new texts and their classes; then rows and a text of one more class."""
    random = np.random.default_rng(0)
    keys = np.array([random.choice(4_000, 6, replace=False) for _ in range(CLASSES + 1)])
    labels = np.repeat(np.arange(CLASSES), 12)
    rows = from_memory(drawn(keys, labels, random), labels)
    new = drawn(keys, np.arange(CLASSES), random)
    added = np.append(np.full(30, CLASSES), np.arange(CLASSES))
    more = from_memory(drawn(keys, added, random), added)
    return rows, new, more, drawn(keys, [CLASSES] * 20, random)


@pytest.fixture(scope="module")
def trained(texts):
    preset = get_preset("tiny")
    train = override(preset.train, epochs=1, device="cpu")
    return fit(texts[0], None, preset, train).files


def accuracy(files, texts, labels):
    answers = [answer.label for answer in Engine(files).predict(texts)]
    return np.mean(np.array(answers) == labels)


def test_many_classes_are_told_apart(texts, trained):
    assert trained.config.sparse_linear_size
    assert trained.tensors["linear.starts"][-1] > 5 * CLASSES
    assert accuracy(trained, texts[1], np.arange(CLASSES)) > 0.98
    assert trained.metrics["validation"]["accuracy"] > 0.98


@pytest.mark.parametrize("bits", [8, 4])
def test_few_bits_answer_alike(tmp_path, texts, trained, bits):
    small = replace(trained, table_bits=bits)
    write_model(tmp_path / "m", small, card=render_card(small), history=[])
    small = read_model(tmp_path / "m")
    assert accuracy(small, texts[1], np.arange(CLASSES)) > 0.97


def test_a_class_can_be_added(texts, trained):
    _, new, more, of_new = texts
    preset = continued_preset(trained, None, {}, None)
    train = override(preset.train, epochs=1, device="cpu")
    files = fit(more, None, preset, train, base=trained).files
    assert files.config.num_labels == CLASSES + 1
    assert accuracy(files, of_new, CLASSES) > 0.8
    assert accuracy(files, new, np.arange(CLASSES)) > 0.9


def test_a_word_explains_its_class(texts, trained):
    explanation = Engine(trained).explain(texts[1][7])
    total = sum(token.attribution for token in explanation.tokens)
    assert total == pytest.approx(explanation.log_odds - explanation.baseline, abs=1e-2)
