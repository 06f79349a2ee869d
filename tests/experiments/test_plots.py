import re
import sys
from functools import partial
from xml.etree import ElementTree

import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from wave_network.baselines import BASELINES
from wave_network.errors import MissingExtraError
from wave_network.experiments.plots import (
    COLOURS,
    bar_plot,
    colour,
    grid_of_lines,
    line_plot,
)
from wave_network.explain.figure import render

SERIES = {
    "wave-modulation, train": ([1, 2, 3], [0.8, 0.9, 0.95]),
    "wave-modulation, validation": ([1, 2, 3], [0.7, 0.8, 0.85]),
    "transformer": ([1, 2, 3], [0.6, 0.7, 0.75]),
}
draw_lines = partial(line_plot, series=SERIES, xlabel="epoch", ylabel="accuracy")


def lines_of(axes):
    return {line.get_label(): line for line in axes.get_lines()}


@pytest.fixture
def figure():
    return Figure()


def test_the_colours_of_the_models_can_be_told_apart():
    for first in COLOURS:
        for second in COLOURS:
            distance = sum(
                abs(a - b)
                for a, b in zip(to_rgb(COLOURS[first]), to_rgb(COLOURS[second]), strict=True)
            )
            assert first == second or distance > 0.25


def test_every_baseline_and_variant_of_a_model_has_its_models_colour():
    of_models = {COLOURS[name] for name in ("fasttext", "tfidf", "model2vec", "transformer")}
    assert {colour(name) for name in BASELINES} == of_models
    assert colour("wave-modulation, train") == COLOURS["wave-modulation"]
    assert colour("wave-modulation") != colour("wave-interference")
    assert colour("[CLS]") is None


def test_lines_have_the_colour_of_their_model_and_the_values_given(figure):
    draw_lines(figure, dashed=["wave-modulation, train"], log_x=True, title="Fig. 7")
    (axes,) = figure.axes
    lines = lines_of(axes)
    assert list(lines) == list(SERIES)
    for name, (xs, ys) in SERIES.items():
        assert list(lines[name].get_xdata()) == xs
        assert list(lines[name].get_ydata()) == ys
        assert lines[name].get_color() == COLOURS[name.split(", ")[0]]
    assert [line.get_linestyle() for line in lines.values()] == ["--", "-", "-"]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "linear")
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == (
        "epoch",
        "accuracy",
        "Fig. 7",
    )
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(SERIES)


def test_names_that_are_no_models_have_a_colour_each_the_same_after_a_comma(figure):
    names = ["[CLS], a", "text", "[CLS], b"]
    line_plot(figure, {name: ([0], [0]) for name in names}, xlabel="x", ylabel="y")
    first, other, second = (line.get_color() for line in figure.axes[0].get_lines())
    assert first == second != other


def test_bars_start_at_zero_and_say_their_values(figure):
    bar_plot(figure, {"wave-modulation": 2.0, "bert": 12_345.6}, ylabel="seconds")
    (axes,) = figure.axes
    assert [bar.get_height() for bar in axes.patches] == [2.0, 12_345.6]
    assert axes.get_ylim()[0] == 0
    assert [to_hex(bar.get_facecolor()) for bar in axes.patches] == [
        COLOURS["wave-modulation"],
        COLOURS["bert"],
    ]
    assert [text.get_text() for text in axes.texts] == ["2", "12,346"]


def test_values_far_from_zero_are_points_with_their_range(figure):
    values = {"wave-modulation, imdb": 91.3, "wave-interference, imdb": 90.4}
    errors = {"wave-modulation, imdb": (91.0, 91.7)}
    bar_plot(figure, values, errors=errors, ylabel="accuracy in percent")
    (axes,) = figure.axes
    assert not axes.patches
    assert [
        container.lines[2][0].get_segments()[0][:, 1].tolist() for container in axes.containers
    ] == [pytest.approx([91.0, 91.7])]
    low, high = axes.get_ylim()
    assert 89 < low < 90.4
    assert 91.7 < high < 93
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "wave-modulation\nimdb",
        "wave-interference\nimdb",
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7])
def test_a_grid_has_a_panel_for_each_key_and_one_legend(figure, count):
    panels = {f"panel {number}": SERIES for number in range(count)}
    grid_of_lines(figure, panels, xlabel="step", ylabel="norm", log_y=True)
    drawn = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_title() for axes in drawn] == list(panels)
    assert all(list(lines_of(axes)) == list(SERIES) for axes in drawn)
    assert {axes.get_yscale() for axes in drawn} == {"log"}
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(SERIES)


def test_a_series_that_one_panel_lacks_is_in_the_legend_all_the_same(figure):
    panels = {"a": {"transformer": ([0], [1])}, "b": SERIES}
    grid_of_lines(figure, panels, xlabel="x", ylabel="y")
    assert {text.get_text() for text in figure.legends[0].get_texts()} == set(SERIES)


@pytest.mark.parametrize(
    "draw",
    [
        partial(line_plot, series={}, xlabel="x", ylabel="y"),
        partial(bar_plot, values={}, ylabel="y"),
        partial(grid_of_lines, panels={}, xlabel="x", ylabel="y"),
    ],
)
def test_nothing_to_draw_gives_an_empty_picture(draw):
    ElementTree.fromstring(render(draw, "svg"))


def test_the_same_drawing_gives_the_same_file():
    first, second = (render(draw_lines, "svg") for _ in range(2))
    assert first == second
    assert ElementTree.fromstring(first).tag == "{http://www.w3.org/2000/svg}svg"
    assert b"<dc:date>" not in first


def test_the_last_digits_of_a_place_do_not_change_the_file():
    def draw(figure, height):
        figure.set_layout_engine("none")
        figure.add_axes((0.1, 0.1, 0.8, height)).plot([1, 2])

    heights = (0.7, 0.7 + 1e-13, 0.6)
    same, near, other = (render(partial(draw, height=height), "svg") for height in heights)
    assert same == near
    assert same != other
    assert same.count(b"<clipPath id=") == 1
    (name,) = re.findall(rb'<clipPath id="(\w+)">', same)
    assert b"url(#" + name + b")" in same


def test_each_kind_of_file_begins_as_it_should():
    assert render(draw_lines, "png").startswith(b"\x89PNG\r\n\x1a\n")
    assert render(draw_lines, "pdf").startswith(b"%PDF-")


def test_letters_that_no_font_has_are_boxes_and_no_warning():
    render(partial(line_plot, series={}, xlabel="\U000e0fff", ylabel="語 $x"), "svg")


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"wave-network\[papers\]"):
        render(draw_lines, "svg")
