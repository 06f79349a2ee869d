import numpy as np
import pytest

from wave_network import load
from wave_network.errors import ConfigError, DataError
from wave_network.explain import neighbours
from wave_network.explain.neighbours import most_similar


@pytest.fixture(scope="module")
def engine(sample_model):
    return load(sample_model)


TEXTS = [f"{who} {what} in {where}" for who in ("rain", "a goal", "the market", "a chip")
         for what in ("falls", "wins", "ends") for where in ("Berlin", "Rio", "Oslo")]  # fmt: skip


def test_the_most_similar_are_those_of_the_largest_product(engine, monkeypatch):
    monkeypatch.setattr(neighbours, "_TEXTS_AT_ONCE", 7)
    asked = ["a goal wins in Rio", "the chip market falls"]
    similarities = engine.embed(asked) @ engine.embed(TEXTS).T
    for row, found in zip(similarities, most_similar(engine, asked, iter(TEXTS), 9), strict=True):
        best = np.argsort(-row, kind="stable")[:9]
        assert [neighbour.place for neighbour in found] == best.tolist()
        assert [neighbour.similarity for neighbour in found] == pytest.approx(row[best].tolist())
    assert TEXTS[most_similar(engine, [TEXTS[4]], TEXTS, 1)[0][0].place] == TEXTS[4]


def test_equal_texts_keep_their_order_and_few_are_all_returned(engine):
    (found,) = most_similar(engine, ["rain"], ["rain", "goal", "rain"], 5)
    assert [neighbour.place for neighbour in found] == [0, 2, 1]
    assert found[0].similarity == pytest.approx(1, abs=1e-6)


def test_what_cannot_be_searched_is_refused(engine):
    for count in (0, 1_001):
        with pytest.raises(ConfigError, match="count must be between 1 and 1,000"):
            most_similar(engine, ["rain"], TEXTS, count)
    with pytest.raises(DataError, match="text 1 is int"):
        most_similar(engine, ["rain"], ["rain", 3])
