"""Explanations of fastText's answers: exact shares of words and word n-grams."""

import numpy as np
import pytest
from fasttext_models import PLACE, every_classifier

from wave_network import load
from wave_network.config import FastTextConfig
from wave_network.errors import ConfigError
from wave_network.models.fasttext.attribution import FastTextFeatures
from wave_network.models.fasttext.network import NumpyFastTextNetwork
from wave_network.text.fasttext_dictionary import END, signed_hash

TEXTS = [
    "bake the bread in the oven",
    "a striker\tand a rocket\n goal",
    "unseen wörds only 火箭",
    "goal </s> bread",
    "__label__food __label__unknown guitar",
    "</s>",
    "",
]


@every_classifier
def test_the_words_add_up_to_the_change_from_an_empty_text(name):
    engine = load(PLACE / name)
    found = list(engine.iter_explain(TEXTS))
    for explanation, prediction in zip(found, engine.predict(TEXTS), strict=True):
        assert explanation.label == next(iter(prediction.scores))
        assert explanation.score == pytest.approx(prediction.scores[explanation.label], abs=1e-6)
        total = sum(token.attribution for token in explanation.tokens)
        change = explanation.log_odds - explanation.baseline
        assert total == pytest.approx(change, abs=1e-3 * max(1, abs(change)))
        for token in explanation.tokens:
            assert token.token == explanation.text[token.start : token.end]
            assert not set(token.token) & set(" \t\n")
    # fastText rounds a sigmoid to 1/32 of the log-odds, and adds 1e-5 at each node of a tree.
    for explanation in found:
        exact = 1 / (1 + np.exp(-explanation.log_odds))
        assert explanation.score == pytest.approx(exact, abs=0.008)


@pytest.mark.parametrize("name", ["ova.bin", "ns.bin"])
def test_the_share_of_a_word_is_that_of_its_rows(name):
    engine = load(PLACE / name)
    dictionary, network = engine.tokenizer.dictionary, engine._network
    text = "bake bread unseen"
    explanation = engine.explain(text, engine.labels[1])
    words = [*text.encode().split(), END]
    rows = [[row for _, row in dictionary.subwords(word)] for word in words]
    ngrams = list(dictionary.word_ngrams([*map(signed_hash, words)]))
    weight = network.output.rows(np.array([1]))[0]
    count = sum(map(len, rows)) + len(ngrams)
    assert count == len(engine.tokenizer.encode([text]).ids)

    def share(row):
        change = network.input.rows(np.array([row])) - network.input.rows(np.array(rows[-1]))
        return (change @ weight)[0] / count

    expected = [sum(map(share, of_word)) for of_word in rows[:-1]]
    for first, last, row in ngrams:
        for place in range(first, min(last, 3)):
            expected[place] += share(row) / (min(last, 3) - first)
    found = [token.attribution for token in explanation.tokens]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("name", ["hs.bin", "output.ftz"])
def test_gradients_are_those_of_the_logits(name):
    random, engine = np.random.default_rng(0), load(PLACE / name)
    ids, offsets = engine.tokenizer.encode(TEXTS[:2])
    features = FastTextFeatures(engine._network, ids, offsets, ids[:0])
    weights = random.normal(size=(2, len(engine.labels))).astype(np.float32)
    direction = random.normal(size=features.features.shape).astype(np.float32)
    gradient = features.gradient(features.features, lambda logits: weights)
    step = np.float32(1e-2)
    points = (features.features + sign * step * direction for sign in (1, -1))
    ahead, behind = ((features.logits(point) * weights).sum(dtype=float) for point in points)
    slope = (ahead - behind) / (2 * step)
    assert (gradient * direction).sum() == pytest.approx(slope, rel=1e-2)


def test_a_dictionary_without_the_end_of_the_line(tmp_path):
    content = (PLACE / "softmax.bin").read_bytes().replace(b"</s>", b"</S>")
    (tmp_path / "endless.bin").write_bytes(content)
    engine = load(tmp_path / "endless.bin")
    nothing, bread = engine.iter_explain(["unseen", "bread"])
    assert (nothing.score, nothing.log_odds) == (0, nothing.baseline)
    assert [token.attribution for token in nothing.tokens] == [0]
    change = bread.log_odds - bread.baseline
    assert bread.tokens[0].attribution == pytest.approx(change, rel=1e-3)


def test_a_single_label_is_not_explained():
    config = FastTextConfig(labels=("only",), vocab_size=1, dimensions=1)
    ones = {"input.weight": np.ones((1, 1), "f4"), "output.weight": np.ones((1, 1), "f4")}
    with pytest.raises(ConfigError, match="single label"):
        FastTextFeatures(
            NumpyFastTextNetwork(config, ones), np.array([0]), np.array([0, 1]), np.array([0])
        )
