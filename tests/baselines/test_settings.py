"""The peers' settings: sensible for few training texts, the usual ones for many."""

import pytest

from wave_network.baselines import BASELINES, FastTextClassifier, TfidfClassifier
from wave_network.baselines.settings import (
    MANY_TEXTS,
    FastTextSettings,
    TfidfSettings,
    fasttext_settings,
    tfidf_settings,
)


def test_many_texts_get_the_usual_settings():
    for word_ngrams in (1, 2):
        assert tfidf_settings(MANY_TEXTS, word_ngrams) == TfidfSettings(min_texts=2, cost=0.5)
    assert fasttext_settings(MANY_TEXTS) == FastTextSettings(epochs=5, learning_rate=1.0)
    assert fasttext_settings(75_940) == FastTextSettings(epochs=5, learning_rate=0.25)


@pytest.mark.parametrize("texts", [16, 32, 256, 4_000, 14_000, MANY_TEXTS - 1])
def test_few_texts_keep_all_features_and_get_many_updates(texts):
    assert tfidf_settings(texts, word_ngrams=1) == TfidfSettings(min_texts=1, cost=0.5)
    assert tfidf_settings(texts, word_ngrams=2) == TfidfSettings(min_texts=1, cost=5.0)
    epochs, rate = fasttext_settings(texts)
    assert 25 <= epochs <= 400
    assert epochs * texts >= min(400 * texts, 350_000)
    assert rate == 1.0


def test_tfidf_learns_from_features_of_one_text():
    texts, labels = (
        ["red apple", "green pear", "fast car", "slow train"],
        ["fruit"] * 2 + ["way"] * 2,
    )
    model = BASELINES["tfidf-unigram"](seed=0, threads=1).fit(texts, labels)
    assert model.predict(["a pear", "the train"]).tolist() == ["fruit", "way"]
    assert model.num_parameters() == 8 + 8 + 1
    usual = TfidfClassifier(settings=TfidfSettings(min_texts=2, cost=0.5))
    with pytest.raises(ValueError, match="no terms remain"):
        usual.fit(texts, labels)


def test_fasttext_learns_from_few_texts():
    pytest.importorskip("fasttext")
    texts, labels = ["good fine nice", "bad awful poor"] * 4, ["good", "bad"] * 4
    asked = ["good", "fine", "nice", "bad", "awful", "poor"]
    model = FastTextClassifier(buckets=0, seed=0).fit(texts, labels)
    assert model.predict(asked).tolist() == ["good"] * 3 + ["bad"] * 3
