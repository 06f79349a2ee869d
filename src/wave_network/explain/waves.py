"""Compute and draw the complex vectors of one text's tokens.

The numbers need NumPy, the picture needs matplotlib, and neither needs torch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.models.numpy_ops import Floats, Wave, interference_term, magnitude, phase
from wave_network.runtime import Engine, Prediction

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

DIMENSIONS: Final = 16
"""The number of dimensions shown: those with the largest product of both magnitudes at `[CLS]`."""
TOKENS_DRAWN: Final = 40
_ROW_HEIGHT: Final = 0.165
_PHASORS: Final = 4
_PHASORS_HEIGHT: Final = 2.3
_PHASOR_LABELS: Final = 12
_LONGEST_TOKEN: Final = 14
_LONGEST_TITLE: Final = 120
_LEGEND: Final = (
    "Bars: the magnitudes that all tokens share. Arrows: one for each token; [CLS] (red) and those "
    "furthest from a right angle have names."
)
_BARS: Final = "#9aa5b1"
_ARROW: Final = "#8a97a6"
_CLS_ARROW: Final = "#d55e00"
_LABEL_GAP: Final = 0.15  # radians: the smallest readable distance of two labels around a circle


@dataclass(frozen=True)
class TextWaves:
    """The first layer's two waves of every token of a text, in the strongest dimensions.

    Attributes:
        tokens: The text of each token; the first is `[CLS]`.
        dimensions: The numbers of the dimensions in the model, the strongest first.
        first: Z, the wave of the variant u; (tokens, dimensions).
        second: Z', the wave of the variant v; of the same shape.
    """

    tokens: list[str]
    dimensions: list[int]
    first: Wave
    second: Wave

    def arrays(self) -> dict[str, Any]:
        """Return everything as lists, for JSON."""
        return {
            "tokens": self.tokens,
            "dimensions": self.dimensions,
            "first": _wave_arrays(self.first),
            "second": _wave_arrays(self.second),
            "interference_term": interference_term(self.first, self.second).tolist(),
        }


def inspect_text(engine: Engine, text: str) -> tuple[Prediction, TextWaves]:
    """Classify a text, and return the waves of its tokens before they are combined.

    Args:
        engine: A model; if it has several layers, the waves are those of the first.
        text: The text.

    Raises:
        DataError: If it is not a string.
    """
    (prediction,) = engine.predict([text])
    tokens, first, second = engine.waves(text)
    strength = magnitude(first)[0] * magnitude(second)[0]
    dimensions = np.argsort(-strength, kind="stable")[:DIMENSIONS]
    waves = TextWaves(
        tokens=tokens,
        dimensions=dimensions.tolist(),
        first=Wave(first.real[:, dimensions], first.imag[:, dimensions]),
        second=Wave(second.real[:, dimensions], second.imag[:, dimensions]),
    )
    return prediction, waves


def energy_shares(wave: Wave) -> Floats:
    """Return each token's share of its text's energy, `u^2 / G^2`; 0 where the wave is 0."""
    size = magnitude(wave)
    return np.divide(wave.real, size, out=np.zeros_like(size), where=size > 0) ** 2


def picture_title(text: str, prediction: Prediction) -> str:
    """Return the title of the picture: the text, shortened, and the prediction."""
    answer = _shortened(answer_in_words(prediction, ".1%"), _LONGEST_TITLE)
    return f"{_shortened(text, _LONGEST_TITLE)}\n{answer}"


def answer_in_words(prediction: Prediction, form: str) -> str:
    """Return the labels of a prediction, each with its probability in the given format."""
    labels = (f"{label} ({prediction.scores[label]:{form}})" for label in prediction.labels)
    return ", ".join(labels) or "no label"


def shown_of(waves: TextWaves) -> str:
    """Describe which tokens and dimensions the picture shows."""
    tokens = len(waves.tokens)
    rows = "all" if tokens <= TOKENS_DRAWN else f"the first {TOKENS_DRAWN} of"
    return f"{rows} {tokens} tokens in the {len(waves.dimensions)} strongest dimensions"


def draw_waves(figure: Figure, waves: TextWaves, title: str = "") -> None:
    """Draw the waves of a text: heat maps of its tokens, and phasors of its strongest dimensions.

    Args:
        figure: An empty figure; its size is set as needed.
        waves: The waves to draw; of long texts the first `TOKENS_DRAWN` tokens.
        title: The title of the picture.
    """
    shown = min(len(waves.tokens), TOKENS_DRAWN)
    rows_height = _ROW_HEIGHT * max(shown, 6)  # inches, as all heights here
    heat_height = rows_height + 1.9
    figure.set_size_inches(12, heat_height + _PHASORS_HEIGHT + 0.8)
    (upper,), (lower,) = figure.subfigures(
        2, 1, squeeze=False, height_ratios=(heat_height, _PHASORS_HEIGHT)
    )
    _draw_heat_maps(upper, waves, shown, rows_height)
    _draw_phasors(lower, waves, shown)
    if title:
        figure.suptitle(title, fontsize=11, parse_math=False)
    caption = f"{shown_of(waves)}: those with the largest $G G'$. {_LEGEND}"
    figure.supxlabel(caption[0].upper() + caption[1:], fontsize=8, color="#555555")


class _HeatMap(NamedTuple):
    """A heat map of tokens (rows) and dimensions (columns), with magnitudes above it."""

    title: str
    magnitude_name: str
    magnitude: Floats
    values: Floats
    colours: dict[str, Any]
    is_phase: bool = False


def _heat_maps(waves: TextWaves) -> list[_HeatMap]:
    size, size_second = (magnitude(wave) for wave in (waves.first, waves.second))
    share = energy_shares(waves.first)
    alpha, alpha_second = phase(waves.first), phase(waves.second)
    furthest = np.abs(np.stack([alpha, alpha_second]) - np.pi / 2).max()
    reach = float(np.clip(furthest, 0.1, np.pi / 2))
    around = {"cmap": "RdBu", "vmin": np.pi / 2 - reach, "vmax": np.pi / 2 + reach}
    term = interference_term(waves.first, waves.second)
    title = "interference term (Eq. 5)\n$2 G G' \\cos(\\alpha - \\alpha')$"
    return [
        _HeatMap(
            "share of the energy\n$u^2 / G^2$", "$G$", size, share, {"cmap": "Blues", "vmin": 0}
        ),
        _HeatMap("phase of $Z$\n$\\alpha$", "$G$", size, alpha, around, True),
        _HeatMap("phase of $Z'$\n$\\alpha'$", "$G'$", size_second, alpha_second, around, True),
        _HeatMap(title, "$2 G G'$", 2 * size * size_second, term, _term_colours(term)),
    ]


def _draw_heat_maps(figure: SubFigure, waves: TextWaves, shown: int, rows_height: float) -> None:
    maps = _heat_maps(waves)
    grid = figure.subplots(
        2, len(maps), sharex="col", squeeze=False, height_ratios=(0.5, rows_height)
    )
    places = np.arange(len(waves.dimensions))
    for one, (top, bottom) in zip(maps, grid.T, strict=True):
        top.bar(places, one.magnitude[0], color=_BARS, width=0.8)
        top.set_title(one.title)
        top.set_ylabel(one.magnitude_name, rotation=0, ha="right", va="center")
        top.grid(visible=False)
        top.tick_params(labelsize=7, bottom=False)
        image = bottom.imshow(
            one.values[:shown], aspect="auto", interpolation="none", **one.colours
        )
        bottom.grid(visible=False)
        bottom.set_xticks(places, [str(number) for number in waves.dimensions], rotation=90)
        bottom.set_yticks([])
        bottom.tick_params(labelsize=7)
        bar = figure.colorbar(image, ax=bottom, orientation="horizontal", aspect=30, pad=0.02)
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=7)
        if one.is_phase:
            ticks = [one.colours["vmin"], np.pi / 2, one.colours["vmax"]]
            bar.set_ticks(ticks, labels=[f"{tick / np.pi:.2f} π" for tick in ticks])
    grid[1, 0].set_yticks(range(shown), _labels(waves.tokens[:shown]), parse_math=False)


def _term_colours(term: Floats) -> dict[str, Any]:
    """Choose two-sided colours only if the term has both signs; it is rarely negative."""
    if term.min() >= 0:
        return {"cmap": "Oranges"}
    reach = float(np.abs(term).max())
    return {"cmap": "PuOr_r", "vmin": -reach, "vmax": reach}


def _draw_phasors(figure: SubFigure, waves: TextWaves, shown: int) -> None:
    drawn = min(_PHASORS, len(waves.dimensions))
    names = _labels(waves.tokens[:shown])
    for place, axes in enumerate(figure.subplots(1, drawn, squeeze=False)[0]):
        real, imag = waves.first.real[:shown, place], waves.first.imag[:shown, place]
        _draw_phasor(axes, real, imag, names)
        axes.set_title(f"$Z$ in dimension {waves.dimensions[place]}")


def _draw_phasor(axes: Axes, real: Floats, imag: Floats, names: list[str]) -> None:
    """Draw an arrow for each token, and name those that are furthest from a right angle."""
    size = float(np.hypot(real, imag).max()) or 1.0
    real, imag = real / size, imag / size
    circle = np.linspace(0, np.pi, 181)
    axes.plot(np.cos(circle), np.sin(circle), color="#cccccc", linewidth=0.8)
    axes.plot([-1.1, 1.1], [0, 0], color="#cccccc", linewidth=0.8)
    for index in reversed(range(len(names))):  # [CLS] last, above the others
        arrow = {
            "arrowstyle": "-|>",
            "color": _ARROW if index else _CLS_ARROW,
            "linewidth": 1.0 if index else 1.6,
            "shrinkA": 0,
            "shrinkB": 0,
            "mutation_scale": 7,
        }
        axes.annotate("", (real[index], imag[index]), (0, 0), arrowprops=arrow)
    furthest = np.argsort(-np.abs(real), kind="stable")[: _PHASOR_LABELS - 1].tolist()
    labelled = sorted({0, *furthest})
    angles = np.arctan2(imag, real)[labelled]
    for index, angle, place in zip(labelled, angles, _spread(angles), strict=True):
        tip, end = ((np.cos(a), np.sin(a)) for a in (angle, place))
        axes.plot(
            [1.02 * tip[0], 1.2 * end[0]],
            [1.02 * tip[1], 1.2 * end[1]],
            color="#bbbbbb",
            linewidth=0.6,
        )
        leftwards = place > np.pi / 2
        axes.text(
            1.23 * end[0],
            1.23 * end[1],
            names[index],
            rotation=float(np.degrees(place)) - (180 if leftwards else 0),
            rotation_mode="anchor",
            ha="right" if leftwards else "left",
            va="center",
            fontsize=7,
            color="#333333" if index else _CLS_ARROW,
            parse_math=False,
        )
    axes.set(xlim=(-2.1, 2.1), ylim=(-0.05, 2.1), aspect="equal")
    axes.set_axis_off()


def _spread(angles: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the nearest angles, in the same order, that are far enough apart for labels."""
    order = np.argsort(angles, kind="stable")
    gaps = _LABEL_GAP * np.arange(len(angles))
    # Without the gaps, "far enough apart" means "not decreasing": pool neighbours that decrease.
    pools: list[list[float]] = []
    for value in angles[order] - gaps:
        pools.append([float(value)])
        while len(pools) > 1 and np.mean(pools[-2]) > np.mean(pools[-1]):
            last = pools.pop()
            pools[-1] += last
    result = np.empty(len(angles))
    result[order] = np.concatenate([[np.mean(pool)] * len(pool) for pool in pools]) + gaps
    return result


def _labels(tokens: Iterable[str]) -> list[str]:
    return [_shortened(token, _LONGEST_TOKEN) or "␣" for token in tokens]


def _shortened(text: str, length: int) -> str:
    """Shorten a text to one line that can be drawn."""
    start = text.strip()[: length + 1]
    line = "".join(letter if letter.isprintable() else "·" for letter in start)
    return line if len(line) <= length else line[: length - 1] + "…"


def _wave_arrays(wave: Wave) -> dict[str, Any]:
    return {
        "real": wave.real.tolist(),
        "imag": wave.imag.tolist(),
        "magnitude": magnitude(wave).tolist(),
        "phase": phase(wave).tolist(),
    }
