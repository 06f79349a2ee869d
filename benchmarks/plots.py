"""Draw what `compare.py` measured: accuracy against size, training time, rate, and amount of data.

    python benchmarks/plots.py [--input FILE] [--output FOLDER]

One file for each data set, another for training with few labels, and `headline.svg`, the figure of
the home page. Draws the rows of the commit that was measured last, for each model.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from conditions import HERE, MEGABYTE
from measure import KINDS, OUTPUT
from records import Records, Row, grouped, newest
from tables import GROUP
from wave_network.config import PRESETS
from wave_network.experiments.plots import colour
from wave_network.explain.figure import render
from wave_network.persistence.atomic import replacing_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLOTS: Final = HERE.parent / "results" / "plots"
PANELS: Final = (
    ("size_bytes", MEGABYTE, "model on disk, MB"),
    ("train_seconds", 1, "training, s"),
    ("texts_per_second", 1, "predicting, texts/s"),
)
_OURS: Final[Mapping[str, str]] = {
    "tiny": "#74a9cf",
    "small": "#0570b0",
    "small:unlabelled": "#238b45",
    "small:vectors": "#dd1c77",
    "small:both": "#a50f15",
    "large": "#023858",
    "paper": "#d55e00",
}
_FEW_LABELS: Final[Mapping[str, str]] = {
    "self-training": "#8c6d31",
    "label-spreading": "#c79500",
    "static-vectors": "#9e9ac8",
    "encoder": "#1a1a1a",
}
HEADLINE_DATA: Final = "ag_news"
_HEADLINE: Final[Mapping[str, tuple[str, str]]] = {
    "tiny": ("tiny", "below"),
    "small": ("small", "above"),
    "large": ("large", "above"),
    "tfidf-bigram": ("TF-IDF + linear SVM", "below"),
    "fasttext-bigram": ("fastText, bigrams", "below"),
    "model2vec": ("model2vec, random vectors", "above"),
    "transformer": ("Transformer layer", "below"),
}
"""The models of the first figure, what to call them there, and where to write it."""
_MODEL2VEC: Final = "#6a51a3"
_MARKERS: Final = ("s", "D", "^", "v", "P", "X")


def main() -> None:
    """Draw every data set of the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--input", type=Path, default=OUTPUT)
    parser.add_argument("--output", type=Path, default=PLOTS)
    options = parser.parse_args()
    rows = newest(Records(options.input, KINDS).read(), GROUP)
    for path, content in drawings(rows).items():
        target = options.output / path
        with replacing_file(target, overwrite=True) as file:
            file.write(content.decode())
        print(target)


def drawings(rows: Sequence[Row]) -> dict[str, bytes]:
    """SVG files by their names.

    Args:
        rows: As `records.newest` gives them; those with changed epochs or lengths are left out.
    """
    usual = [row for row in rows if row["epochs"] is None and row["max_length"] is None]
    files = {}
    for (data,), group in grouped(usual, ("data",)).items():
        whole = [row for row in group if row["per_class"] is None]
        if timed := [row for row in whole if row["train_seconds"] is not None]:
            files[f"{data}.svg"] = render(partial(draw_costs, timed), "svg")
        if len(whole) < len(group):
            files[f"{data}-few-texts.svg"] = render(partial(draw_amounts, group), "svg")
        if data == HEADLINE_DATA and timed:
            files["headline.svg"] = render(partial(draw_headline, timed), "svg")
    return files


def draw_costs(rows: Sequence[Row], figure: Figure) -> None:
    """Accuracy against each cost: a point a model, with the range over its seeds.

    Args:
        rows: Of one data set.
        figure: An empty figure; its size is set.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    figure.set_size_inches(8.4, 4.2)
    models = grouped(rows, ("model",))
    styles = _styles([name for (name,) in models])
    grid = figure.subplots(1, len(PANELS), sharey=True)
    for axes, (column, unit, label) in zip(grid, PANELS, strict=True):
        for (name,), group in models.items():
            low, mean, high = _range(group)
            axes.errorbar(
                statistics.mean(row[column] for row in group) / unit,
                mean,
                yerr=[[mean - low], [high - mean]],
                label=name,
                linestyle="none",
                markersize=8 if name in PRESETS else 6,
                capsize=2,
                linewidth=1,
                **styles[name],
            )
        axes.set_xscale("log")
        # Plain numbers, also where less than a factor of ten is shown.
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(label)
    first = rows[0]
    grid[0].set_ylabel("test accuracy, %")
    figure.suptitle(
        f"{first['data']}: {first['train_rows']:,} training texts, {first['threads']} threads",
        fontsize=10,
    )
    _legend(figure, grid[0])


def draw_headline(rows: Sequence[Row], figure: Figure) -> None:
    """Accuracy against training time and size, for a few models whose names stand beside them.

    Args:
        rows: Of one data set.
        figure: An empty figure; its size is set.
    """
    figure.set_size_inches(8, 3.4)
    models = grouped([row for row in rows if row["model"] in _HEADLINE], ("model",))
    grid = figure.subplots(1, 2, sharey=True)
    for axes, (column, unit, label) in zip(
        grid,
        (("train_seconds", 1, "training, seconds"), ("size_bytes", MEGABYTE, "model, MB")),
        strict=True,
    ):
        for (name,), group in models.items():
            shown, side = _HEADLINE[name]
            colour = _OURS["small"] if name in PRESETS else "#777777"
            at = statistics.mean(row[column] for row in group) / unit, _range(group)[1]
            axes.plot(*at, "o", color=colour, markersize=9 if name in PRESETS else 6)
            axes.annotate(
                shown,
                at,
                xytext=(0, 8 if side == "above" else -8),
                textcoords="offset points",
                ha="center",
                va="bottom" if side == "above" else "top",
                color=colour,
                fontsize=10 if name in PRESETS else 9,
                fontweight="bold" if name in PRESETS else "normal",
            )
        axes.set_xscale("log")
        axes.margins(x=0.3, y=0.22)
        axes.xaxis.set_major_formatter("{x:,g}")
        axes.set_xlabel(label)
    grid[0].set_ylabel("test accuracy, %")


def draw_amounts(rows: Sequence[Row], figure: Figure) -> None:
    """Accuracy against the number of training texts: a line a model.

    Args:
        rows: Of one data set; rows without a number of texts a class are of all training texts.
        figure: An empty figure; its size is set.
    """
    figure.set_size_inches(7.2, 4.4)
    few = [row["model"] for row in rows if row["per_class"] is not None]
    styles = _styles(list(dict.fromkeys(few)))
    axes = figure.add_subplot()
    for name, style in styles.items():
        own = grouped([row for row in rows if row["model"] == name], ("per_class",)).values()
        points = sorted((group[0]["train_rows"], _range(group)) for group in own)
        lows, means, highs = zip(*(values for _, values in points), strict=True)
        axes.errorbar(
            [texts for texts, _ in points],
            means,
            yerr=[
                [mean - low for mean, low in zip(means, lows, strict=True)],
                [high - mean for mean, high in zip(means, highs, strict=True)],
            ],
            label=name,
            linewidth=1.2,
            capsize=2,
            **style,
        )
    axes.set_xscale("log")
    axes.set_xlabel("training texts")
    axes.set_ylabel("test accuracy, %")
    axes.set_title(f"{rows[0]['data']}: {rows[0]['classes']} classes")
    _legend(figure, axes)


def _range(rows: Sequence[Row]) -> tuple[float, float, float]:
    values = [100 * row["accuracy"] for row in rows]
    return min(values), statistics.mean(values), max(values)


def _styles(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour and marker: circles for ours; a family shares a colour and differs in markers."""
    styles: dict[str, dict[str, Any]] = {}
    used: dict[str, int] = {}
    for name in names:
        ours = _OURS.get(name) or _OURS.get(name.partition(":")[0])
        shade = ours or _FEW_LABELS.get(name) or colour(name) or _MODEL2VEC
        again = used.get(shade, 0)
        used[shade] = again + 1
        marker = "o" if ours and not again else _MARKERS[again % len(_MARKERS)]
        styles[name] = {"color": shade, "marker": marker}
    return styles


def _legend(figure: Figure, axes: Axes) -> None:
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4)


if __name__ == "__main__":
    main()
