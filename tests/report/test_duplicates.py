import random
from itertools import product

import pytest

from wave_network.data import read_splits
from wave_network.report import duplicates
from wave_network.report.duplicates import SIMILAR, find_duplicates, normalized

LONG = "The committee met on Tuesday to discuss the price of bread, salt and fish in coastal towns."


def runs(text):
    padded = normalized(text).ljust(5)
    return {padded[place : place + 5] for place in range(len(padded) - 4)}


def jaccard(one, other):
    return len(one & other) / len(one | other)


def test_exact_near_and_different():
    near = LONG.replace("Tuesday", "Monday")
    test = [LONG.upper() + "!!", near, "Nothing of the kind was ever seen.", "", " ?! "]
    first, second = find_duplicates(test, ["", "...", "What else?", LONG])
    assert first == (0, 3, 1.0, True)
    assert (second.test, second.training, second.exact) == (1, 3, False)
    assert second.similarity == pytest.approx(jaccard(runs(near), runs(LONG)))


def test_an_exact_duplicate_is_preferred_to_a_near_one_that_comes_first():
    (found,) = find_duplicates([LONG], [LONG + " Today.", LONG])
    assert found == (0, 1, 1.0, True)


def test_texts_that_occur_twice_are_both_found():
    assert [one.test for one in find_duplicates([LONG, "x", LONG], ["x y", LONG])] == [0, 2]


@pytest.mark.parametrize("text", ["今日は市場で魚と塩の値段が上がりました", "ok", "é", "🌠 12"])
def test_any_script_and_any_length(text):
    assert [one.exact for one in find_duplicates([text], ["zzz zzz zzz", text + " "])] == [True]


def test_the_same_as_comparing_all_with_all(monkeypatch):
    monkeypatch.setattr(duplicates, "_CHARACTERS_AT_ONCE", 3_000)  # several chunks
    rows = read_splits("sample").train["text"][:150]
    choose = random.Random(0)

    def changed(text):
        words = text.split()
        for _ in range(choose.randint(1, 6)):
            words[choose.randrange(len(words))] = choose.choice(["salt", "harbour", "seven"])
        return " ".join(words)

    test = [changed(text) for text in rows[:100]]
    pairs = product(enumerate(map(runs, test)), [runs(row) for row in rows])
    expected = {place for (place, one), other in pairs if jaccard(one, other) >= SIMILAR}
    found = {one.test for one in find_duplicates(test, rows)}
    assert 20 < len(expected) < 95, "some are near enough, some are not"
    assert found <= expected
    assert len(found) >= len(expected) - 1


def test_many_texts_of_one_template_are_all_found():
    test = [f"{LONG} Number {number} of the series." for number in range(200)]
    training = [f"{LONG} Number {number} of the series." for number in range(1_000, 1_050)]
    assert len(find_duplicates(test, training)) == 200


def test_of_a_huge_text_the_start_is_compared():
    huge = LONG * 200_000
    (found,) = find_duplicates([huge], [huge + "another end"])
    assert found.exact
