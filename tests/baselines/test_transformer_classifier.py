"""The Transformer layer as a classifier of texts."""

import pytest

from wave_network.baselines.transformer_classifier import TransformerClassifier
from wave_network.errors import DataError

TEXTS = ["good fine nice", "bad awful poor"] * 20


@pytest.mark.parametrize("labels", [("good", "bad"), (7, -1)])
def test_learns_and_gives_labels_back(labels):
    def fitted():
        return TransformerClassifier(dimensions=64, epochs=12).fit(TEXTS, list(labels) * 20)

    model = fitted()
    predicted = model.predict(["good fine", "awful poor", "", "unseen 🙂"])
    assert predicted.tolist()[:2] == list(labels)
    assert set(predicted.tolist()) <= set(labels)
    assert model.predict([]).tolist() == []
    assert fitted().predict(TEXTS).tolist() == model.predict(TEXTS).tolist()
    width, classes = 64, 2
    layer = 12 * width**2 + 13 * width  # attention, feed-forward and two norms, with their biases
    vocabulary = model._tokenizer.vocab_size
    assert model.num_parameters() == vocabulary * width + layer + classes * (width + 1)
    assert model.size_bytes() > 4 * model.num_parameters()


def test_what_cannot_be_learnt():
    with pytest.raises(DataError, match="only one class"):
        TransformerClassifier().fit(["good", "bad"], [1, 1])
    with pytest.raises(DataError, match="too few examples"):
        TransformerClassifier().fit(["good", "bad"], [0, 1])
