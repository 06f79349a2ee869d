"""With few texts, words of similar spelling share what the linear part learns."""

from dataclasses import replace

import numpy as np
import pytest

from wave_network.config import LocalWaveConfig
from wave_network.data.batch import PackedTexts
from wave_network.text import TextTokenizer
from wave_network.training.local_wave import linear_part as module
from wave_network.training.local_wave.few_texts import FewTexts, _damping, are_spelt
from wave_network.training.local_wave.linear_part import linear_weights
from wave_network.training.local_wave.ngram_matrix import linear_features, ngram_counts

TEXTS = ["the player scored", "a team of players won", "the voter decided", "voters in a vote won"]
LABELS = np.array([0, 0, 1, 1])


def encoded(texts):
    batch = TOKENIZER.encode(texts)
    return PackedTexts(batch.ids, batch.offsets.astype(np.int64))


TOKENIZER = TextTokenizer.train(TEXTS, 600, 64)
CONFIG = LocalWaveConfig(
    labels=("sport", "politics"),
    vocab_size=TOKENIZER.vocab_size,
    cls_token_id=TOKENIZER.cls_token_id,
    linear_size=2 * 2_503,
)
PACKED = replace(encoded(TEXTS), labels=LABELS)
ENTRIES = TOKENIZER.tokens(range(TOKENIZER.vocab_size))


def margins(weights, texts):
    rows = np.concatenate([weights.tokens, weights.bigrams])
    return ngram_counts(encoded(texts), CONFIG) @ rows + weights.bias


def test_every_text_has_unit_length():
    features = FewTexts.of(PACKED, CONFIG, ENTRIES).features()
    np.testing.assert_allclose(features.matrix.row_squares(), 1, rtol=1e-5)


def test_rows_of_tokens_give_the_margins_of_all_features():
    """What the model sums over its tokens is what was fitted, but for the length of the text."""
    few = FewTexts.of(PACKED, CONFIG, ENTRIES)
    features = few.features()
    weights = np.random.default_rng(0).normal(size=(features.matrix.shape[1], 2))
    expected = features.matrix @ weights.astype(np.float32)
    found = few.counts @ features.rows(weights.astype(np.float32))
    ratios = found / expected
    np.testing.assert_allclose(ratios[:, 0], ratios[:, 1], rtol=1e-3)
    assert 0.5 < ratios.min() < 1 < ratios.max() < 2


def test_unknown_words_are_judged_by_their_spelling():
    found = margins(linear_weights(PACKED, CONFIG, 0, TOKENIZER), ["playing", "voting"])
    assert found[0, 0] > found[0, 1]
    assert found[1, 1] > found[1, 0]
    alike = margins(linear_weights(PACKED, CONFIG, 0), ["playing", "voting"])
    np.testing.assert_allclose(alike[0], alike[1], atol=1e-6)  # without it they are unknown


def test_words_that_occur_once_count():
    features = FewTexts.of(PACKED, CONFIG, ENTRIES).features()
    once = np.bincount(PACKED.ids, minlength=CONFIG.vocab_size) == 1
    assert once.any()
    assert (features.scales[: CONFIG.vocab_size][once] > 0).all()


def test_repeated_tokens_count_logarithmically():
    counts = ngram_counts(encoded(["won won won won", "the player"]), CONFIG)
    counts = counts.column_range(0, len(ENTRIES))
    damping = _damping(counts, np.array([5, 3]))
    assert damping[ENTRIES.index(" won")] == pytest.approx((1 + np.log(4)) / 4)
    assert damping[ENTRIES.index(" player")] == pytest.approx(1)
    assert damping[ENTRIES.index(" voters")] == 1  # in no text


def test_many_texts_are_fitted_without_spelling(monkeypatch):
    monkeypatch.setattr(module, "FEW_TOKENS", len(PACKED.ids))
    for found, expected in zip(
        linear_weights(PACKED, CONFIG, 0, TOKENIZER), linear_weights(PACKED, CONFIG, 0), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_the_usual_features_have_no_spelling():
    features = linear_features(PACKED, CONFIG)
    assert features.spelling is None
    weights = np.ones((features.matrix.shape[1], 2), np.float32)
    np.testing.assert_array_equal(features.rows(weights)[:, 0], features.scales)


def test_texts_of_characters_have_no_spelling():
    texts = PackedTexts(np.array([0, 1, 2, 0, 1, 3], np.int32), np.array([0, 3, 6]))
    assert are_spelt(texts, ["[CLS]", " day", " a", " b"])
    assert not are_spelt(texts, ["[CLS]", " 天", " 好", " b"])
