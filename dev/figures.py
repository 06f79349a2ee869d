"""Draw the figures of the documentation: python dev/figures.py."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.patches import FancyBboxPatch

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


BOLD = {"weight": "bold"}
PLAIN = {"style": "italic"}
COMMAND = {"family": "monospace", "size": 7.2, "color": "#1864ab"}
NOTE = {"size": 8}
QUESTIONS = (
    (
        "How many labelled\ntexts a class?",
        (
            ("none", "suggest --input archive.csv", "label what it picks"),
            ("up to some hundred", "train labelled.csv", "ask for more with suggest"),
            ("a thousand or more", "train data.csv", "the rest helps little"),
        ),
    ),
    (
        "Unlabelled texts of\nthe same kind?",
        (
            ("no", "", "nothing to add"),
            ("hundreds or more", "--unlabeled archive.csv", "topics gain most"),
        ),
    ),
    (
        "Which language?",
        (
            ("English", "", "vectors tried by default"),
            ("one with vectors", "--vectors FILE.vec", "or a sentence encoder"),
            ("any other", "", "the archive has to help"),
        ),
    ),
    (
        "A GPU or hours for\na large model?",
        (
            ("no", "", "nothing to add"),
            ("yes", "--teacher FOLDER", "a fine-tuned BERT"),
        ),
    ),
    (
        "Where does the\nmodel run?",
        (
            ("anywhere", "--preset small", "the default"),
            ("browser, device", "--preset tiny", "a fifth of the size"),
            ("server, long texts", "--preset large", "ten times the size"),
        ),
    ),
)
"""Each question of `choosing`, and its answers: what is so, what to type, a note."""
EXAMPLE = "wave-network train labelled.csv --unlabeled archive.csv --preset tiny"


def choosing() -> None:
    """The questions that decide the command, one below the other, with their answers."""
    width, height, gap = 2.3, 0.92, 0.2
    bottom = -len(QUESTIONS) * (height + gap)
    figure, axes = plt.subplots(figsize=(7.6, 5.3), layout="constrained")
    axes.set(xlim=(-0.05, 10.05), ylim=(bottom - 0.1, 0.05))
    axes.set_axis_off()
    for row, (question, answers) in enumerate(QUESTIONS):
        top = -row * (height + gap)
        middle = top - height / 2
        box(axes, (0, top - height), (2.2, height), facecolor="#e8eefc", edgecolor="#3b5bdb")
        axes.text(1.1, middle, question, ha="center", va="center", **BOLD)
        if row:
            arrow(axes, complex(1.1, top), complex(1.1, top + gap), color=GRAY, linewidth=1.0)
        for place, (answer, command, note) in enumerate(answers):
            left = 2.65 + place * (width + 0.2)
            box(axes, (left, top - height), (width, height), facecolor="#f8f9fa", edgecolor=GRAY)
            lines = [(answer, PLAIN), (command, COMMAND), (note, NOTE)]
            lines = [(text, style) for text, style in lines if text]
            for line, (text, style) in enumerate(lines):
                at = (left + width / 2, top - height * (line + 0.7) / (len(lines) + 0.4))
                axes.text(*at, text, ha="center", va="center", **style)
    axes.text(0, bottom, "Put together, for example:", va="center", **NOTE)
    axes.text(2.65, bottom, EXAMPLE, va="center", **COMMAND)
    save(figure, "choosing")


def box(axes: Any, corner: tuple[float, float], size: tuple[float, float], **style: Any) -> None:  # noqa: ANN401
    """A box with round corners, from its lower left corner."""
    axes.add_patch(
        FancyBboxPatch(corner, *size, boxstyle="round,pad=0,rounding_size=0.08", **style)
    )


EXPLAINED = (
    "The club's owner sells his shares after a record loss",
    "Scientists ask the government for money to track storms",
)


def explained() -> None:
    """What a terminal shows of two explained answers of the sample's model."""
    from rich.console import Console
    from rich.terminal_theme import DEFAULT_TERMINAL_THEME

    from wave_network import WaveClassifier
    from wave_network.data import read_splits
    from wave_network.explain.render import terminal_text

    rows = read_splits("sample").train
    model = WaveClassifier(seed=0).fit(rows["text"], rows["label"])
    console = Console(record=True, width=92, file=io.StringIO(), force_terminal=True)
    console.print('$ wave-network predict news "..." "..." --explain\n', highlight=False)
    for text in EXPLAINED:
        console.print(terminal_text(model.explain(text)))
    drawn = console.export_svg(title="", theme=DEFAULT_TERMINAL_THEME, unique_id="explained")
    # Without the web font, which would be loaded from elsewhere.
    drawn = re.sub(r"@font-face \{.*?\}\n?", "", drawn, flags=re.DOTALL)
    (FIGURES / "explained.svg").write_text(drawn)


def save(figure: Any, name: str) -> None:  # noqa: ANN401
    """Write without a date, so that the same figure is the same file."""
    FIGURES.mkdir(exist_ok=True)
    figure.savefig(FIGURES / f"{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    phasors()
    combined()
    choosing()
    explained()
