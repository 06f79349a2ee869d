"""How every plot of the report looks: one colour a model, and the same few kinds of plot.

Needs matplotlib, and imports it when the first figure is made.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Series: TypeAlias = Mapping[str, tuple[Sequence[float], Sequence[float]]]

# Okabe and Ito's palette, which colour-blind readers can tell apart; shades within a family.
COLOURS: Final[Mapping[str, str]] = {
    "wave-modulation": "#0072b2",
    "wave-interference": "#d55e00",
    "phase-blind": "#c79500",
    "bag": "#7f7f7f",
    "transformer": "#009e73",
    "bert": "#1a1a1a",
    "fasttext": "#cc79a7",
    "tfidf": "#56b4e9",
    "model2vec": "#00008b",
}
_OTHER_COLOURS: Final = ("#6a51a3", "#8c6d31", "#a50f15", "#31a354", "#08519c", "#636363")

_FEW_POINTS: Final = 12
_LEVEL_NAMES: Final = 6


def colour(name: str) -> str | None:
    """The colour of a model, by the longest of the names in `COLOURS` that its name begins with.

    Args:
        name: A model's name; what follows a comma and a space does not count.

    Returns:
        A colour for matplotlib, or None if no model has this name.
    """
    model = name.split(", ")[0]
    fitting = [known for known in COLOURS if model.startswith(known)]
    return COLOURS[max(fitting, key=len)] if fitting else None


def line_plot(
    figure: Figure,
    series: Series,
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    log_x: bool = False,
    log_y: bool = False,
    dashed: Collection[str] = (),
) -> None:
    """Draw lines, one a series.

    Args:
        figure: An empty figure.
        series: The x and y values of each name; the part of a name before ", " decides its colour.
        xlabel: Label of the x axis.
        ylabel: Label of the y axis.
        title: Above the plot.
        log_x: Whether the x axis is logarithmic.
        log_y: Whether the y axis is logarithmic.
        dashed: The names whose lines are dashed.
    """
    axes = figure.add_subplot()
    _draw_lines(axes, series, _colours(series), dashed)
    _finish(axes, title, log_x=log_x, log_y=log_y)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    if series:
        axes.legend()


def bar_plot(
    figure: Figure,
    values: Mapping[str, float],
    *,
    ylabel: str,
    errors: Mapping[str, tuple[float, float]] | None = None,
    title: str = "",
    log_y: bool = False,
) -> None:
    """Draw bars, one a name, each with its value.

    Where all values are far from zero, points take the place of bars, which would have to start
    at zero and would look all the same.

    Args:
        figure: An empty figure.
        values: The height of each name; the part of a name before ", " decides its colour.
        ylabel: What the heights are.
        errors: The lowest and the highest value of a name, drawn as a whisker.
        title: Above the plot.
        log_y: Whether the y axis is logarithmic.
    """
    axes = figure.add_subplot()
    colours = _colours(values)
    ranges = {name: (errors or {}).get(name, (value, value)) for name, value in values.items()}
    points = log_y or min((low for low, _ in ranges.values()), default=0) > 0.5 * max(
        (high for _, high in ranges.values()), default=0
    )
    for place, (name, value) in enumerate(values.items()):
        low, high = ranges[name]
        if points:
            axes.plot(place, value, "o", color=colours[name], markersize=7)
        else:
            axes.bar(place, value, width=0.7, color=colours[name])
        if low < high:
            whisker = [[value - low], [high - value]]
            axes.errorbar(place, value, yerr=whisker, color="#333333", capsize=3, linewidth=1)
        axes.annotate(
            _number(value),
            (place, max(value, high)),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
    axes.set_xticks(range(len(values)), [name.replace(", ", "\n") for name in values])
    if len(values) > _LEVEL_NAMES:
        axes.tick_params(axis="x", rotation=40)
        for label in axes.get_xticklabels():
            label.set(horizontalalignment="right", rotation_mode="anchor")
    axes.margins(x=0.05, y=0.15)
    axes.grid(visible=False, axis="x")
    _finish(axes, title, log_y=log_y)
    axes.set_ylabel(ylabel)


def grid_of_lines(
    figure: Figure,
    panels: Mapping[str, Series],
    *,
    xlabel: str,
    ylabel: str,
    dashed: Collection[str] = (),
    points: Collection[str] = (),
    log_y: bool = False,
) -> None:
    """Draw one panel of lines a key, with one legend for all.

    Args:
        figure: An empty figure; it is made high enough for the panels.
        panels: The series of each panel, as for `line_plot`, by its title.
        xlabel: Label of the x axis.
        ylabel: Label of the y axis.
        dashed: The names whose lines are dashed.
        points: The names that are drawn as single points.
        log_y: Whether the y axes are logarithmic.
    """
    if not panels:
        return
    columns = min(len(panels), 3 if len(panels) != 4 else 2)
    rows = math.ceil(len(panels) / columns)
    width = 8.4
    figure.set_size_inches(width, 2.3 * rows + 0.8)
    names = list(dict.fromkeys(name for series in panels.values() for name in series))
    colours = _colours(names)
    grid = figure.subplots(rows, columns, squeeze=False)
    handles: dict[str, Any] = {}
    for axes, title in zip(grid.flat, panels, strict=False):
        handles |= _draw_lines(axes, panels[title], colours, dashed, points)
        _finish(axes, title, log_y=log_y)
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    figure.supxlabel(xlabel, fontsize=9)
    figure.supylabel(ylabel, fontsize=9)
    if handles:
        entry = 0.6 + 0.08 * max(map(len, names))  # inches: the line, and the letters
        figure.legend(
            [handles[name] for name in names],
            names,
            loc="outside upper center",
            ncols=max(1, min(len(names), int(width / entry))),
        )


def _colours(names: Iterable[str]) -> dict[str, str]:
    others = cycle(_OTHER_COLOURS)
    unknown: dict[str, str] = {}
    result = {}
    for name in names:
        model = name.split(", ")[0]
        known = colour(name)
        if known is None and model not in unknown:
            unknown[model] = next(others)
        result[name] = known or unknown[model]
    return result


def _draw_lines(
    axes: Axes,
    series: Series,
    colours: Mapping[str, str],
    dashed: Collection[str],
    points: Collection[str] = (),
) -> dict[str, Any]:
    """The drawn line of each name."""
    lines = {}
    if all(float(x).is_integer() for xs, _ in series.values() for x in xs):
        axes.locator_params(axis="x", integer=True)  # there is no epoch 2.5
    for name, (xs, ys) in series.items():
        (lines[name],) = axes.plot(
            xs,
            ys,
            label=name,
            color=colours[name],
            linestyle="none" if name in points else "--" if name in dashed else "-",
            marker="x" if name in points else "o" if len(xs) <= _FEW_POINTS else None,
        )
    return lines


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


def _finish(axes: Axes, title: str, *, log_x: bool = False, log_y: bool = False) -> None:
    if title:
        axes.set_title(title)
    if log_x:
        axes.set_xscale("log")
    if log_y:
        axes.set_yscale("log")
