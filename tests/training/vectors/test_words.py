from collections import Counter

import numpy as np
import pytest

from wave_network.training.vectors import words
from wave_network.training.vectors.words import END, Splitter, read_words

PLAIN = Splitter(str.split, lambda string: [string])


def texts_of(corpus):
    """The texts as words again."""
    texts = [[]]
    for number in corpus.ids.tolist():
        if number == END:
            texts.append([])
        else:
            texts[-1].append(corpus.words[number])
    assert not texts.pop()
    return texts


def test_words_are_numbered_by_how_frequent_they_are():
    texts = ["b a c", "", "a b once a", "b d d"]
    corpus = read_words(texts, PLAIN, least=2, most=10)
    assert corpus.words == ["a", "b", "d"]
    assert corpus.counts.tolist() == [3, 3, 2]
    assert (corpus.texts, corpus.tokens, corpus.rare) == (4, 10, 2)
    assert texts_of(corpus) == [["b", "a"], [], ["a", "b", "a"], ["b", "d", "d"]]


def test_only_so_many_words_are_kept():
    corpus = read_words(["b a b d a b"], PLAIN, least=1, most=2)
    assert corpus.words == ["b", "a"]
    assert texts_of(corpus) == [["b", "a", "b", "a", "b"]]
    assert corpus.rare == 1


def test_a_string_may_have_several_words_or_none():
    splitter = Splitter(str.split, lambda string: [] if string == "-" else string.split("'"))
    corpus = read_words(["it's - it's"], splitter, least=1, most=9)
    assert texts_of(corpus) == [["it", "s", "it", "s"]]


def test_no_texts_have_no_words():
    corpus = read_words([], PLAIN, least=1, most=9)
    assert (corpus.words, corpus.texts, len(corpus.ids)) == ([], 0, 0)


@pytest.mark.parametrize("at_once", [1, 7])
def test_the_rarest_words_are_forgotten_where_there_are_too_many(monkeypatch, at_once):
    random = np.random.default_rng(0)
    numbers = np.minimum(random.zipf(1.3, 5_000), 10**6).reshape(-1, 20)
    texts = [" ".join(map(str, row)) for row in numbers.tolist()]
    counts = Counter(word for text in texts for word in text.split())
    whole = read_words(texts, PLAIN, least=5, most=10)
    monkeypatch.setattr(words, "_MOST_WAITING", 100)
    monkeypatch.setattr(words, "_TEXTS_AT_ONCE", at_once)
    corpus = read_words(texts, PLAIN, least=5, most=10)
    # Frequent words are counted from the start, so that nothing of them is lost.
    assert corpus.words[:5] == whole.words[:5]
    assert corpus.counts[:5].tolist() == [counts[word] for word in corpus.words[:5]]
    # A number that was given to another word stands for that word alone.
    found = Counter(word for text in texts_of(corpus) for word in text)
    assert [found[word] for word in corpus.words] == corpus.counts.tolist()
    assert all(found[word] <= counts[word] for word in found)


def test_large_texts_are_kept_in_a_file(monkeypatch):
    texts = ["a b a c"] * 3_000
    whole = read_words(texts, PLAIN, least=1, most=9)
    monkeypatch.setattr("wave_network.scale.arrays.BYTES_IN_MEMORY", 1_000)
    mapped = read_words(texts, PLAIN, least=1, most=9)
    np.testing.assert_array_equal(mapped.ids, whole.ids)
