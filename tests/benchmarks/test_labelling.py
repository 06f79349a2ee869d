"""The simulated labelling chooses, counts and interpolates as it says."""

import numpy as np
import pytest


@pytest.fixture
def rows():
    """Two seeds of each choice: suggested texts reach 85 % between 40 and 60 labels."""
    accuracies = {"suggested": (60, 80, 90), "random": (50, 70, 80)}
    return [
        {"choice": choice, "seed": seed, "labels": 20 * place, "accuracy": accuracy + 2 * seed - 1}
        for choice, values in accuracies.items()
        for seed in (0, 1)
        for place, accuracy in enumerate(values, start=1)
    ]


def test_labels_needed_are_between_rounds(rows):
    from labelling import curve, labels_needed

    suggested, random = rows[:6], rows[6:]
    assert curve(suggested) == ([20, 40, 60], [60, 80, 90])
    assert labels_needed(suggested) == pytest.approx(50)
    assert labels_needed(random) is None


def test_the_table_and_the_curves_show_both_choices(rows):
    from functools import partial

    from labelling import draw, table
    from wave_network.explain.figure import render

    assert table(rows).splitlines()[2:] == [
        "| suggested | 2 | 60.0 | 80.0 |  |  | 50 |",
        "| random | 2 | 50.0 | 70.0 |  |  | not reached |",
    ]
    assert render(partial(draw, rows), "svg").startswith(b"<?xml")


@pytest.mark.parametrize("choice", ["suggested", "random"])
def test_each_round_labels_twenty_other_texts(choice):
    from labelling import Texts, simulate

    random = np.random.default_rng(0)
    labels = np.arange(200) % 2
    texts = [
        " ".join(f"{'ab'[label]}{word}" for word in random.integers(20, size=6)) for label in labels
    ]
    archive, test = Texts(texts[:120], labels[:120]), Texts(texts[120:], labels[120:])
    found = dict(simulate(choice, archive, test, seed=0, most=60))
    assert list(found) == [20, 40, 60]
    assert found[60].accuracy > 80
    assert 20 < found[60].smallest_class <= 50
