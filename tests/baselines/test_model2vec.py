"""model2vec from random vectors; small, since by its defaults it learns for half a minute."""

import pytest

from wave_network.baselines.model2vec import Model2VecClassifier
from wave_network.errors import DataError

pytest.importorskip("model2vec", reason='pip install "wave-network[baselines]"')
TEXTS = ["good fine nice", "bad awful poor"] * 20


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("labels", [("good", "bad"), (7, -1)])
def test_learns_and_gives_labels_back(labels):
    def fitted():
        model = Model2VecClassifier(dimensions=8, vocab_size=300, seed=1)
        return model.fit(TEXTS, list(labels) * 20)

    model = fitted()
    predicted = model.predict(["good\nfine nice", "bad awful poor", "", "unseen 🙂"])
    assert predicted.tolist()[:2] == list(labels)
    assert set(predicted.tolist()) <= set(labels)
    assert model.predict([]).tolist() == []
    assert fitted().predict(TEXTS).tolist() == model.predict(TEXTS).tolist()
    # 263 tokens at least, eight columns each; a hidden layer of 512; two classes.
    assert model.num_parameters() > 257 * 8 + 8 * 512 + 512 + 2 * 512 + 2
    assert model.size_bytes() > 4 * model.num_parameters()


def test_a_single_class():
    with pytest.raises(DataError, match="only one class"):
        Model2VecClassifier().fit(["good", "bad"], [1, 1])
