"""Draw the figures of docs/maths.md: python dev/figures.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

mpl.use("svg")
mpl.rcParams.update({"svg.hashsalt": "wave-network", "font.size": 9})

FIGURES = Path(__file__).resolve().parent.parent / "docs" / "figures"
TOKENS = {"[CLS]": 0.5, "oil": 1.6, "prices": -0.9, "jump": 1.1}
GRAY = "#888888"


def represent(values: Any) -> Any:  # noqa: ANN401
    """Z of every token in one dimension: its value, and i times the size of all others."""
    squares = values**2
    return values + 1j * np.sqrt(squares.sum() - squares)


def arrow(axes: Any, end: complex, start: complex = 0, **style: Any) -> None:  # noqa: ANN401
    """An arrow in the complex plane."""
    where = {"xy": (end.real, end.imag), "xytext": (start.real, start.imag)}
    axes.annotate(
        "", **where, arrowprops={"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, **style}
    )


def plane(axes: Any, radius: float, title: str) -> None:  # noqa: ANN401
    """Axes of the complex plane with room for arrows as long as the radius."""
    axes.axhline(0, color=GRAY, linewidth=0.6)
    axes.axvline(0, color=GRAY, linewidth=0.6)
    axes.set(aspect="equal", xlim=(-radius, radius), title=title, xlabel="real", ylabel="imaginary")
    axes.spines[:].set_visible(False)


def phasors() -> None:
    """One dimension of a text of four tokens: all on one half circle of radius G."""
    waves = represent(np.array(list(TOKENS.values())))
    size = abs(waves[0])
    figure, axes = plt.subplots(figsize=(5.2, 3.2), layout="constrained")
    plane(axes, 1.25 * size, "The waves of a text's tokens in one dimension")
    half = size * np.exp(1j * np.linspace(0, np.pi, 181))
    axes.plot(half.real, half.imag, color=GRAY, linewidth=0.8, linestyle=":")
    for number, (token, wave) in enumerate(zip(TOKENS, waves, strict=True)):
        arrow(axes, wave, color=f"C{number}", linewidth=1.6)
        axes.plot(
            [wave.real] * 2, [0, wave.imag], color=f"C{number}", linewidth=0.7, linestyle="--"
        )
        place = 1.07 * wave
        side = "left" if wave.real > 0 else "right"
        axes.text(place.real, place.imag, token, color=f"C{number}", ha=side)
    axes.text(-size, -0.25, f"radius G = {size:.2f}", color=GRAY, ha="center")
    axes.set_ylim(-0.35, 1.2 * size)
    save(figure, "phasors")


def combined() -> None:
    """One token's two waves, added and multiplied."""
    first = represent(np.array([1.1, 0.8, -0.5]))[0]
    second = represent(np.array([-0.6, 0.9, 0.7]))[0]
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.2), layout="constrained")
    for axes, result, title in (
        (left, first + second, "interference: Z + Z′"),
        (right, first * second, "modulation: Z · Z′"),
    ):
        plane(axes, 2.6, title)
        axes.set_ylim(-1.0, 2.8)
        for wave, name, color in ((first, "Z", "C0"), (second, "Z′", "C1"), (result, "", "C3")):
            arrow(axes, wave, color=color, linewidth=1.6)
            axes.text(1.1 * wave.real, 1.06 * wave.imag, name, color=color)
    arrow(left, first + second, first, color="C1", linewidth=0.8, linestyle="--")
    save(figure, "interference-and-modulation")


def save(figure: Any, name: str) -> None:  # noqa: ANN401
    """Write without a date, so that the same figure is the same file."""
    FIGURES.mkdir(exist_ok=True)
    figure.savefig(FIGURES / f"{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    phasors()
    combined()
