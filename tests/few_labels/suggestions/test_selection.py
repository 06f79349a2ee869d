import numpy as np
import pytest

from wave_network.few_labels.suggestions.selection import most_worthwhile, representative
from wave_network.few_labels.suggestions.topics import topic_vectors
from wave_network.few_labels.suggestions.word_matrix import count_words
from wave_network.few_labels.words import tf_idf

WORDS = ("amber", "brass", "cobalt", "denim", "ebony", "flint", "grass", "hazel")


def made_up(texts, shares):
    """Texts of five of the ten words of a topic."""
    random = np.random.default_rng(0)
    topics = random.choice(3, texts, p=shares)
    made = [
        " ".join(f"topic{topic}word{word}" for word in random.choice(10, 5, replace=False))
        for topic in topics
    ]
    words = tf_idf(count_words(made))
    return topics, words, topic_vectors(words, 0)


def test_representative_texts_are_of_all_topics_and_say_what_they_stand_for():
    topics, words, vectors = made_up(500, [0.6, 0.3, 0.1])
    chosen = list(representative(words, vectors, 6, seed=0))
    places, shares = zip(*chosen, strict=True)
    assert sum(shares) == pytest.approx(1)
    by_topic = np.bincount(topics[list(places)], weights=shares)
    assert by_topic == pytest.approx([0.6, 0.3, 0.1], abs=0.06)
    assert chosen == list(representative(words, vectors, 6, seed=0))


def test_a_sample_represents_many_texts(monkeypatch):
    monkeypatch.setattr("wave_network.few_labels.suggestions.selection._TEXTS_COMPARED", 50)
    topics, words, vectors = made_up(500, [0.5, 0.3, 0.2])
    chosen = [place for place, _ in representative(words, vectors, 6, seed=1)]
    assert {topics[place] for place in chosen} == {0, 1, 2}
    assert len(list(representative(words, vectors, 60, seed=1))) <= 50


def test_near_duplicates_are_not_chosen_twice():
    start = "the committee met on tuesday to discuss the price of bread salt and fish"
    other = "an old red fox was seen near the river by two boys who ran home at once"
    texts = [f"{start} in {place}" for place in ("towns", "ports", "towns", "ports")]
    texts += [f"{other} in {place}" for place in ("march", "april", "march", "april")]
    texts += [f"{word} {word} {word}" for word in WORDS * 2]
    words = tf_idf(count_words(texts))
    first = [place for place, _ in representative(words, topic_vectors(words, 0), 50, 0)]
    worth, groups = np.ones(len(texts), np.float32), np.zeros(len(texts), np.int64)
    second = list(most_worthwhile(worth, groups, words, 50))
    for chosen in (first, second):
        assert sorted(place // 4 for place in chosen if place < 8) == [0, 1]
        assert len(chosen) == 2 + len(WORDS)


def test_the_texts_that_are_worth_most_come_first():
    words = tf_idf(count_words(["red hen", "red fox", "blue fox", "blue hen", "green green", ""]))
    worth = np.array([0.1, 0.9, 0.3, 0.2, 0.4, 0.0], np.float32)
    assert next(most_worthwhile(worth, np.zeros(6, np.int64), words, 6)) == 1
    assert sorted(most_worthwhile(worth, np.zeros(6, np.int64), words, 9)) == [0, 1, 2, 3, 4, 5]


def test_groups_take_turns():
    words = tf_idf(count_words([f"word{number} word{number}" for number in range(20)]))
    groups = np.array([0] * 15 + [1] * 5)
    worth = np.where(groups == 0, 0.9, 0.85).astype(np.float32)
    chosen = list(most_worthwhile(worth, groups, words, 6))
    assert groups[chosen].tolist() == [0, 1, 0, 1, 0, 1]
