import numpy as np
import pytest
from native import needs_native
from topics import topic_texts

from wave_network._native import threads
from wave_network.errors import ConfigError, DataError
from wave_network.numerics.dense import unit_rows
from wave_network.progress.stages import NOBODY, shower
from wave_network.training.vectors import learn
from wave_network.training.vectors.learn import VectorSettings, learn_vectors, our_words

SMALL = VectorSettings(size=8, min_count=2, buckets=1_000)


class Listener(type(NOBODY)):
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


@pytest.fixture
def said():
    listener = Listener()
    token = shower.set(listener)
    yield listener.lines
    shower.reset(token)


def test_words_of_a_topic_are_near_each_other():
    texts, labels = topic_texts(600, words=30)
    learnt = learn_vectors(texts, our_words(), SMALL, cased=False)
    topic_of = {}
    for text, label in zip(texts, labels.tolist(), strict=True):
        for word in text.split():
            topic_of.setdefault(word, set()).add(label)
    own = np.array([len(topic_of[word]) == 1 for word in learnt.words])
    topics = np.array([min(topic_of[word]) for word in learnt.words])[own]
    cosines = (unit := unit_rows(learnt.vectors[own])) @ unit.T
    np.fill_diagonal(cosines, -1)
    assert (topics[cosines.argmax(axis=1)] == topics).mean() > 0.95


@needs_native
def test_vectors_do_not_depend_on_the_threads():
    texts, _ = topic_texts(3_000)
    found = []
    for count in (1, 3):
        with threads.using(count):
            found.append(learn_vectors(texts, our_words(), SMALL, cased=False))
    assert found[0].words == found[1].words
    np.testing.assert_array_equal(found[0].vectors, found[1].vectors)
    np.testing.assert_array_equal(found[0].subwords, found[1].subwords)
    assert found[0].subwords.any()


def test_words_are_those_that_our_models_read(said):
    texts = ["__label__x Don't PANIC, 東京!"] * 2
    learnt = learn_vectors(texts, our_words(), SMALL, cased=False)
    assert {*learnt.words} == {"don", "'", "t", "panic", ",", "東", "京", "!"}
    assert said == ["texts: 2, with 16 words", "words with a vector: 8"]


def test_what_is_left_out_is_said(said, monkeypatch):
    learn_vectors(["a b c a b d"], our_words(), SMALL, cased=False)
    assert said[-1] == "words with a vector: 2; 2 others occur fewer than 2 times"
    monkeypatch.setattr(learn, "MOST_WORDS", 2)
    learn_vectors(["a b c a b c a"] * 2, our_words(), SMALL, cased=False)
    assert said[-1] == "words with a vector: 2; 1 others are rarer"


def test_without_subwords():
    settings = VectorSettings(size=4, min_count=1, shortest=0, longest=0)
    learnt = learn_vectors(["one two three one two"], our_words(), settings, cased=False)
    assert learnt.subwords.shape == (0, 4)
    assert learnt.dictionary.subwords(b"two") == [(b"two", 1)]


@pytest.mark.parametrize("texts", [[], ["", " "], ["all words differ"]])
def test_too_few_words(texts):
    with pytest.raises(DataError, match="too few words occur 2 times: give more texts"):
        learn_vectors(texts, our_words(), SMALL, cased=False)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"size": 1}, "size must be between 2 and 1000; got 1"),
        ({"size": 2.5}, "size must be a whole number"),
        ({"window": 0}, "window must be between 1 and 100"),
        ({"min_count": 0}, "min_count must be at least 1"),
        ({"longest": 21}, "longest must be between 0 and 20"),
        ({"buckets": 0}, "n-grams need buckets"),
    ],
)
def test_settings_are_checked(given, message):
    with pytest.raises(ConfigError, match=message):
        VectorSettings(**given)
