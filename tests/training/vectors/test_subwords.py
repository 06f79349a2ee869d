import numpy as np
import pytest
from native import every_form, native_hidden

from wave_network.numerics.sparse import CsrMatrix
from wave_network.text.fasttext_dictionary import FastTextDictionary, hashed
from wave_network.training.vectors import subwords
from wave_network.training.vectors.subwords import with_subwords

BUCKETS = 10_000
WORDS = ["baking", "baked", "bakes", "walking", "walked", "walks", "naïve", "it"]
NGRAMS = (3, 4)


def vectors_of(words=WORDS, size=3, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(len(words), size)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def ngrams_of(word):
    marked = f"<{word}>"
    return [
        marked[start : start + length]
        for length in range(NGRAMS[0], NGRAMS[1] + 1)
        for start in range(len(marked) - length + 1)
    ]


def dictionary_of(words=WORDS):
    counts = np.ones(len(words), np.int64)
    entries = [word.encode() for word in words]
    return FastTextDictionary(entries, counts, len(words), *NGRAMS, ngram=1, buckets=BUCKETS)


@every_form
def test_ngrams_of_several_words_solve_a_ridge_regression(form):
    vectors = vectors_of()
    with native_hidden(form == "not compiled"):
        sums, found = with_subwords(dictionary_of(), vectors)
    words_with = {}
    for word in WORDS:
        for ngram in set(ngrams_of(word)):
            words_with.setdefault(hashed(ngram.encode()) % BUCKETS, set()).add(word)
    kept = sorted(bucket for bucket, words in words_with.items() if len(words) > 1)
    assert found.buckets.tolist() == kept
    means = np.zeros((len(WORDS), len(kept)))
    for row, word in enumerate(WORDS):
        buckets = [hashed(ngram.encode()) % BUCKETS for ngram in ngrams_of(word)]
        places = [kept.index(bucket) for bucket in buckets if bucket in kept]
        for place in places:
            means[row, place] += 1 / len(places)
    solution = np.linalg.solve(
        means.T @ means + subwords._PENALTY * np.eye(len(kept)), means.T @ vectors
    )
    np.testing.assert_allclose(found.vectors, subwords._SHARE * solution, atol=1e-4)
    np.testing.assert_allclose(sums, vectors + subwords._SHARE * means @ solution, atol=1e-4)


def test_only_so_many_ngrams_are_kept(monkeypatch):
    _, every = with_subwords(dictionary_of(), vectors_of())
    monkeypatch.setattr(subwords, "_MOST", 3)
    _, found = with_subwords(dictionary_of(), vectors_of())
    assert len(found.buckets) == 3 < len(every.buckets)
    assert (np.diff(found.buckets) > 0).all()
    shared = {hashed(ngram) % BUCKETS for ngram in (b"ing>", b"<bak", b"walk")}
    assert {*found.buckets.tolist()} & shared


@pytest.mark.parametrize("words", [["one", "two"], ["a"]])
def test_words_without_a_common_ngram_keep_their_vectors(words):
    sums, found = with_subwords(dictionary_of(words), vectors_of(words))
    np.testing.assert_array_equal(sums, vectors_of(words))
    assert found.vectors.shape == (0, 3)


def test_conjugate_gradients_of_nothing_are_nothing():
    features = CsrMatrix.of_dense(np.eye(3, dtype=np.float32))
    assert not subwords._ridge(features, np.zeros((3, 2), np.float32)).any()
