import re
from xml.etree import ElementTree

import pytest

from wave_network.report.drawings import curve, reliability_diagram
from wave_network.report.reliability import Bin


def history(*losses):
    return [
        {"epoch": epoch, "train_loss": loss, "validation": {"loss": loss / 2}}
        for epoch, loss in enumerate(losses, 1)
    ]


def places(drawing):
    numbers = re.findall(r'points="([^"]*)"', drawing)
    return [[tuple(map(float, pair.split(","))) for pair in one.split()] for one in numbers]


def test_a_curve_falls_where_the_loss_falls():
    training, validation = places(curve(history(2.0, 1.5, 0.5), "loss"))
    for line in (training, validation):
        assert [x for x, _ in line] == sorted(x for x, _ in line)
        assert [y for _, y in line] == sorted(y for _, y in line), "down is larger"
    assert all(a > b for (_, b), (_, a) in zip(training, validation, strict=True))


@pytest.mark.parametrize("losses", [(1.0,), (1.0, 1.0), (1e-9, 2e-9), (1e6, 1.0)])
def test_every_curve_stays_inside_its_drawing(losses):
    drawing = curve(history(*losses), "loss")
    assert ElementTree.fromstring(drawing).get("viewBox") == "0 0 400 240"
    assert all(0 <= x <= 400 and 0 <= y <= 240 for line in places(drawing) for x, y in line)


@pytest.mark.parametrize(
    "records",
    [[], [{"epoch": 1}], [{"epoch": "<b>", "train_loss": 1.0}], [{"epoch": 1, "validation": 3}]],
)
def test_a_history_of_something_else_draws_nothing(records):
    assert curve(records, "loss") == ""


def test_a_value_that_is_no_number_is_left_out():
    drawing = curve([*history(2.0, 1.0), {"epoch": 3, "train_loss": float("nan")}], "loss")
    assert [len(line) for line in places(drawing)] == [2, 2]
    assert "nan" not in drawing


def test_the_bars_of_a_reliability_diagram_are_as_high_as_the_accuracy():
    bins = [Bin(0.4, 0.6, 10, 0.5, 0.25), Bin(0.8, 1.0, 10, 0.9, 1.0)]
    root = ElementTree.fromstring(reliability_diagram(bins))
    low, high = (float(bar.get("height")) for bar in root.iter("rect"))
    assert low == pytest.approx(high / 4)


def test_of_labels_the_diagram_says_what_is_counted():
    drawing = reliability_diagram([Bin(0.2, 0.4, 7, 0.3, 0.25)], of_labels=True)
    assert "7 labels, mean probability 0.300, share of texts with it 0.250" in drawing
    assert "probability of the label<" in drawing
