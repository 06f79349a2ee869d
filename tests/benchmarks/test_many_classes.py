"""The texts of the benchmark of many classes are what it says."""

import csv

import numpy as np


def cell(**changes):
    from many_classes import Cell

    return Cell(
        **{
            "data": "",
            "classes": 7,
            "per_class": 4,
            "model": "",
            "seed": 0,
            "threads": 1,
            **changes,
        }
    )


def test_made_texts_have_three_words_of_their_class():
    from many_classes import made_texts

    sample = made_texts(cell(per_class=40))
    assert (len(sample.texts), len(sample.new_texts)) == (280, 4_000)
    for label in range(7):
        words = [set(sample.texts[text].split()) for text in np.flatnonzero(sample.labels == label)]
        frequent = [
            word for word in set().union(*words) if sum(word in each for each in words) > 10
        ]
        assert len(frequent) == 6
        assert all(len(each & set(frequent)) >= 3 for each in words)
    assert all(len(text.split()) == 11 for text in sample.texts)


def test_named_words_are_not_in_their_texts(tmp_path):
    from many_classes import named_words

    random = np.random.default_rng(0)
    names = ["north", "south", "east", "west"]
    with (tmp_path / "rows.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for number in range(5_000):
            writer.writerow([f"it is {random.choice(names)} of x{'abc'[number % 3]}", number % 2])
    sample = named_words(cell(data=str(tmp_path / "rows.csv"), classes=4, per_class=20))
    assert len(sample.texts) == 80
    assert len(sample.new_texts) == 4 * 1_000
    assert not any(name in text for name in names for text in [*sample.texts, *sample.new_texts])
