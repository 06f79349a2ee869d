import numpy as np
import pytest

from wave_network.errors import DataError
from wave_network.few_labels.suggestions import candidates
from wave_network.few_labels.suggestions.candidates import draw


def test_distinct_texts_are_kept_in_order_with_their_places():
    drawn = draw(["b", "", " A ", "a", "c", "B", "labelled"], ["LABELLED"], seed=0)
    assert drawn.texts == ["b", " A ", "c"]
    assert drawn.places == [0, 2, 4]
    assert (drawn.read, drawn.labelled, drawn.left_out) == (7, 1, 3)
    assert str(drawn) == (
        "considering 3 of 7 texts; the others: 1 labelled already, 3 empty, repeated or longer than"
        " 100,000 characters"
    )
    assert str(draw(["a"], [], 0)) == "considering 1 of 1 texts"


def test_of_many_texts_a_random_sample_is_kept(monkeypatch):
    monkeypatch.setattr(candidates, "MOST_TEXTS", 100)
    samples = [draw(map(str, range(1_000)), [], seed) for seed in range(20)]
    assert all(len(one.texts) == 100 for one in samples)
    assert samples[0] == draw(map(str, range(1_000)), [], 0)
    places = np.concatenate([one.places for one in samples])
    assert abs(places.mean() - 499.5) < 30
    assert str(samples[0]).endswith("the others: 900 not in the random sample")


def test_long_texts_are_left_out(monkeypatch):
    monkeypatch.setattr(candidates, "MOST_CHARACTERS", 5)
    assert draw(["12345", "123456"], [], 0).texts == ["12345"]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "no text is left to suggest"),
        (["", "a"], "no text is left to suggest"),
        ("one", "the texts are a single string"),
        ([1], "text 0 of the texts is int"),
        ({"text": []}, "the texts are a table"),
    ],
)
def test_an_archive_that_cannot_be_used_is_refused(texts, message):
    with pytest.raises(DataError, match=message):
        draw(texts, ["a"], 0)
