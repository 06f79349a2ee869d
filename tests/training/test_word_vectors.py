"""Word vectors are used where they help, and cover words that no training text has."""

import numpy as np
import pytest
from fitting import fit

from wave_network.config import get_preset, override
from wave_network.data import from_memory
from wave_network.errors import ConfigError
from wave_network.runtime import Engine
from wave_network.training.linear_trials import gains

TINY = get_preset("tiny")
CONFIG = override(TINY.train, seed=0, epochs=2)
SPORT = "football tennis hockey basketball cricket rugby soccer golf skiing boxing".split()  # noqa: SIM905
MONEY = "bank stock market profit investor shares trade economy loan currency".split()  # noqa: SIM905
OTHER = ("goalkeeper played the championship", "the merger and the bankruptcy of a lender")


def few(count=20, seed=0):
    random = np.random.default_rng(seed)
    texts = [
        f"the {first} and the {second}"
        for index in range(count)
        for first, second in [random.choice((SPORT, MONEY)[index % 2], 2, replace=False)]
    ]
    return texts, [("sport", "money")[index % 2] for index in range(count)]


def trained(texts, labels, config=CONFIG, **options):
    return fit(from_memory(texts, labels), None, TINY, config, **options)


def test_the_english_vectors_tell_of_words_that_no_text_has():
    # Every topic word is in one text at most: nothing recurs.
    texts = [f"the {word}" for pair in zip(SPORT, MONEY, strict=True) for word in pair]
    fitted = trained(texts, ["sport", "money"] * 10)
    assert fitted.files.metrics["vectors"] == "english"
    summary = fitted.described.summary.vectors
    assert summary.after > summary.before
    assert summary.words > 2_000
    assert str(summary).startswith("english, ")
    assert "in cross-validation" in str(summary)
    predictions = Engine(fitted.files).predict(OTHER)
    assert [prediction.label for prediction in predictions] == ["sport", "money"]


def test_without_vectors_the_model_is_that_of_the_texts_alone():
    texts, labels = few()
    fitted = trained(texts, labels, override(CONFIG, vectors="none"))
    assert fitted.files.metrics["vectors"] is None
    assert fitted.described.summary.vectors is None
    assert fitted.files.config.vocab_size < 1_000


def test_another_language_is_told_at_once():
    texts = ["der Torwart hält den Ball", "die Aktie fällt wieder tief"] * 10
    fitted = trained(texts, ["sport", "money"] * 10)
    assert fitted.described.summary.vectors is None


def test_vectors_that_do_not_help_are_left_out():
    texts, _ = few(40)
    texts = [f"{text} {('yes', 'no')[place % 3 == 0]}" for place, text in enumerate(texts)]
    labels = [("left", "right")[place % 3 == 0] for place in range(40)]
    fitted = trained(texts, labels)
    summary = fitted.described.summary.vectors
    assert not summary.used
    assert fitted.files.metrics["vectors"] is None
    assert str(summary).startswith("none: english ones do not help, ")


def test_texts_that_were_prepared_to_try_vectors_train_the_same_model():
    texts, _ = few(600)
    texts = [f"{text} {('yes', 'no')[place % 3 == 0]}" for place, text in enumerate(texts)]
    labels = [("left", "right")[place % 3 == 0] for place in range(600)]
    tried = trained(texts, labels)
    assert not tried.described.summary.vectors.used
    assert tried.files.metrics["validation_method"] == "holdout"
    expected = trained(texts, labels, override(CONFIG, vectors="none")).files
    for name, values in tried.files.tensors.items():
        np.testing.assert_array_equal(values, expected.tensors[name], err_msg=name)


def test_the_same_seed_gives_the_same_model():
    texts, labels = few()
    first, second = (trained(texts, labels).files for _ in range(2))
    for name, tensor in first.tensors.items():
        np.testing.assert_array_equal(tensor, second.tensors[name])


def vec_file(folder, words=(*SPORT, *MONEY), extra=0):
    random = np.random.default_rng(0)
    lines = []
    for place, word in enumerate([*words, *(f"word{number}" for number in range(extra))]):
        vector = random.normal(size=4) / 4 + (place < len(SPORT), place >= len(SPORT), 0, 0)
        lines.append(" ".join([word, *(f"{value:.4f}" for value in vector)]))
    path = folder / "made.vec"
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def test_vectors_that_are_given_are_used(tmp_path):
    source = vec_file(tmp_path)
    fitted = trained(*few(), override(CONFIG, vectors=source))
    assert fitted.files.metrics["vectors"] == source


def test_the_vocabulary_can_keep_all_words_of_the_vectors(tmp_path):
    config = override(CONFIG, vectors=vec_file(tmp_path, extra=12_000))
    usual = trained(*few(), config).files.config
    assert usual.vocab_size <= TINY.vocab_size
    kept = trained(*few(), override(config, keep_vocabulary=True)).files.config
    assert kept.vocab_size > 12_000
    assert kept.has_linear_part


@pytest.mark.parametrize("more", [0, 5_000])
def test_many_labels_use_vectors(tmp_path, more):
    names = [f"label{number}" for number in range(25)]
    texts = [f"the {word} of {name}" for name in names for word in ("first", "second")]
    texts += [f"word{number // 2}" for number in range(more)]
    labels = [name for name in names for _ in range(2)] + ["rest"] * more
    source = vec_file(tmp_path)
    fitted = trained(texts, labels, override(CONFIG, vectors=source, epochs=1))
    assert bool(fitted.files.config.sparse_linear_size) == bool(more)
    assert fitted.files.config.has_linear_part
    assert fitted.files.metrics["vectors"] == source


def test_lists_of_labels_use_vectors():
    texts, labels = few()
    fitted = trained(texts, [[label] for label in labels])
    assert fitted.described.summary.vectors is not None


def test_a_continued_model_takes_no_vectors():
    texts, labels = few()
    base = trained(texts, labels, override(CONFIG, vectors="none")).files
    config = override(CONFIG, vectors="some/folder", refit=False)
    with pytest.raises(ConfigError, match=r"vectors.*from scratch"):
        trained(texts, labels, config, base=base)


def test_gains_must_be_more_than_chance():
    before = np.arange(100) < 50
    assert gains(np.arange(100) < 60, before, 1.5)
    assert not gains(before, before, 0)
    assert not gains(np.arange(100) >= 48, before, 0.5)  # two more of 98 that differ
