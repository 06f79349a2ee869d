"""Texts are read in pieces of words, or with their capital letters, where that helps clearly."""

import logging

import numpy as np
import pytest
from fitting import fit

from wave_network.config import get_preset, override
from wave_network.data import from_memory
from wave_network.runtime import Engine
from wave_network.text.vocabulary import Form
from wave_network.training import reading as module
from wave_network.training.continual import continued_preset, continued_training
from wave_network.training.linear_trials import gains
from wave_network.training.reading import _CLEAR, _SURE, _association

WORDS = "we call you now about the free offer and a prize for every one of them".split()  # noqa: SIM905
TOPICS = (
    "library harvest mountain painting orchestra cathedral dictionary gardener".split(),  # noqa: SIM905
    "airplane engineer keyboard satellite telescope generator microscope turbine".split(),  # noqa: SIM905
)
LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))
TINY = get_preset("tiny")
CONFIG = override(TINY.train, seed=0, epochs=2, refit=False, vectors="none")


def shouted(count, seed):
    """Texts of the same words; in those of the second label, some are in capitals."""
    random = np.random.default_rng(seed)
    texts, labels = [], []
    for index in range(count):
        words = random.choice(WORDS, 8).tolist()
        for place in random.choice(8, 2, replace=False) if index % 2 else ():
            words[place] = words[place].upper()
        texts.append(" ".join(words))
        labels.append(index % 2)
    return texts, labels


def misspelt(count, seed):
    """Two words of a topic in each text, with three letters replaced at random."""
    random = np.random.default_rng(seed)

    def written(word):
        letters = list(word)
        for place in random.integers(len(word), size=3):
            letters[place] = random.choice(LETTERS)
        return "".join(letters)

    labels = [index % 2 for index in range(count)]
    chosen = [random.choice(TOPICS[label], 2) for label in labels]
    return [" ".join(map(written, words)) for words in chosen], labels


def usual(count, seed):
    """Texts of few words, one of which tells the label; capitals do not."""
    random = np.random.default_rng(seed)
    labels = [index % 2 for index in range(count)]
    texts = [" ".join([*random.choice(WORDS, 6), TOPICS[label][0], "NOW"]) for label in labels]
    return texts, labels


def trained(texts, labels, **options):
    return fit(from_memory(texts, labels), None, TINY, CONFIG, **options).files


def accuracy(files, texts, labels):
    return np.mean(Engine(files).predict_proba(texts).argmax(axis=1) == labels)


def test_capitals_are_kept_where_they_tell_the_label(caplog):
    with caplog.at_level(logging.INFO, "wave_network"):
        files = trained(*shouted(600, 0))
    assert files.tokenizer.form == Form(cased=True)
    assert files.tokenizer.vocab_size < TINY.vocab_size
    assert accuracy(files, *shouted(200, 1)) >= 0.95
    assert caplog.messages == [
        "texts are read in words, capital letters are kept (chosen by cross-validation)"
    ]


def test_words_that_do_not_recur_are_read_in_pieces(caplog):
    with caplog.at_level(logging.INFO, "wave_network"):
        files = trained(*misspelt(600, 0))
    assert files.config.vocab_size <= module._SIZES[0]
    assert files.config.linear_ngrams == ("pair", "skip-pair", "triple")
    assert accuracy(files, *misspelt(200, 1)) >= 0.9
    assert "pieces of words" in caplog.text
    again = fit(
        from_memory(*misspelt(300, 2)),
        None,
        continued_preset(files, None, {}, None),
        override(continued_training(TINY.train), seed=0, epochs=1),
        base=files,
    ).files
    assert again.metrics["in_pieces"]
    assert again.config.vocab_size <= 1.1 * files.config.vocab_size


@pytest.mark.parametrize("count", [240, 600])
def test_usual_texts_are_read_as_usual_without_a_try(count, caplog, monkeypatch):
    monkeypatch.setattr(module, "_best", None)
    with caplog.at_level(logging.INFO, "wave_network"):
        files = trained(*usual(count, 0))
    assert files.tokenizer.form == Form()
    assert files.config.linear_ngrams == TINY.model["linear_ngrams"]
    assert not caplog.messages


def test_a_reading_that_gains_nothing_is_not_taken(monkeypatch):
    texts, labels = usual(600, 0)
    before = trained(texts, labels)
    monkeypatch.setattr(module, "_words_are_rare", lambda prepared: True)
    monkeypatch.setattr(module, "_CAPITALS_MATTER", 0.0)
    after = trained(texts, labels)
    for name, tensor in before.tensors.items():
        assert np.array_equal(tensor, after.tensors[name]), name


def test_a_tokenizer_that_was_given_is_kept(tmp_path):
    texts, labels = shouted(600, 0)
    files = trained(texts, labels)
    files.tokenizer.save(tmp_path)
    lower = trained(*usual(600, 0)).tokenizer
    lower.save(tmp_path)
    assert trained(texts, labels, tokenizer=str(tmp_path)).tokenizer.form == Form()


def test_label_lists_are_read_as_usual():
    texts, labels = shouted(600, 0)
    assert trained(texts, [["a", "b"][: 1 + label] for label in labels]).tokenizer.form == Form()


def test_how_far_a_property_tells_the_label():
    labels = np.array([0, 0, 1, 1])
    assert _association([True, True, False, False], labels) == pytest.approx(1)
    assert _association([True, False, True, False], labels) == 0
    assert _association([False] * 4, labels) == 0
    assert _association([True] * 4, labels) == 0


def test_a_gain_is_clear_if_it_is_large_and_no_chance():
    before = np.arange(1_000) < 800
    assert gains(np.arange(1_000) < 820, before, _SURE, _CLEAR)
    assert not gains(np.arange(1_000) < 805, before, _SURE, _CLEAR)  # half a percent
    assert not gains(np.arange(1_000) >= 180, before, _SURE, _CLEAR)  # 20 more of 380 that differ
    assert not gains(before, before, _SURE, _CLEAR)
