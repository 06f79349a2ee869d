"""Simulated labelling: how many labels does `suggest` save?

A person labels texts from an archive of 20,000 AG News training texts round by round: 20 a round,
and from 200 labels on a tenth of the labels so far. Either the texts are suggested, the first 20
without a model, or they are drawn at random. `small` learns from the labelled texts alone. The
accuracy after each round is on all test texts; nothing is chosen by it.

    python benchmarks/labelling.py DATA --seeds 3     # measure what is missing
    python benchmarks/labelling.py --table            # labels needed for 85 %
    python benchmarks/labelling.py --plot             # the curves, to results/plots
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from conditions import HERE, Conditions, look_around
from out_of_scope import Texts, read
from records import Records, Row, grouped, newest
from wave_network import WaveClassifier, suggest
from wave_network.explain.figure import render
from wave_network.persistence.atomic import replacing_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OUTPUT: Final = HERE / "data" / "labelling.csv"
PLOT: Final = HERE.parent / "results" / "plots" / "ag_news-labelling.svg"
DATA: Final = "ag_news"
ARCHIVE_TEXTS: Final = 20_000
ROUND: Final = 20
GOAL: Final = 85.0  # percent
COLOURS: Final = {"suggested": "#0570b0", "random": "#d55e00"}


@dataclass(frozen=True)
class Setting:
    """What a row measures.

    Attributes:
        choice: How texts are chosen: `suggested` or `random`.
        seed: Seed of the archive, of the model and of what is drawn.
        labels: Number of labelled texts.
    """

    choice: str
    seed: int
    labels: int


@dataclass(frozen=True)
class Found:
    """What was found.

    Attributes:
        accuracy: On the test texts, in percent.
        smallest_class: The share of labelled texts in the class with the fewest, in percent.
    """

    accuracy: float
    smallest_class: float


def simulate(
    choice: str, archive: Texts, test: Texts, seed: int, most: int
) -> Iterator[tuple[int, Found]]:
    """Label round by round, and yield the number of labels with what was found."""
    random = np.random.default_rng(seed)
    classes = len(np.unique(archive.labels))
    labelled: list[int] = []
    model: WaveClassifier | None = None
    while len(labelled) < most:
        count = max(ROUND, len(labelled) // 10)
        if choice == "random":
            left = np.setdiff1d(np.arange(len(archive.texts)), labelled)
            new = random.choice(left, count, replace=False).tolist()
        else:
            known = [archive.texts[place] for place in labelled]
            found = suggest(archive.texts, count, model, known, seed)
            new = [suggestion.index for suggestion in found]
        labelled += new
        labels = archive.labels[labelled]
        model = WaveClassifier("small", seed=seed, vectors="none")
        model.fit([archive.texts[place] for place in labelled], labels)
        right = (model.predict(test.texts) == test.labels).mean()
        fewest = np.bincount(labels, minlength=classes).min() / len(labelled)
        yield len(labelled), Found(round(100 * float(right), 2), round(100 * float(fewest), 1))


def curve(rows: Sequence[Row]) -> tuple[list[int], list[float]]:
    """The numbers of labels, and the mean accuracy over the seeds at each."""
    by_labels = grouped(sorted(rows, key=lambda row: row["labels"]), ("labels",))
    means = [float(np.mean([row["accuracy"] for row in group])) for group in by_labels.values()]
    return [labels for (labels,) in by_labels], means


def labels_needed(rows: Sequence[Row]) -> float | None:
    """Labels at which the mean accuracy reaches the goal, between rounds on a straight line."""
    labels, means = curve(rows)
    reached = np.flatnonzero(np.array(means) >= GOAL)
    if not len(reached):
        return None
    after = int(reached[0])
    start = max(0, after - 1)
    return float(np.interp(GOAL, means[start : after + 1], labels[start : after + 1]))


def table(rows: Sequence[Row]) -> str:
    """Accuracy after some rounds, and the labels needed for the goal, in Markdown."""
    shown = [20, 40, 100, 200]
    lines = [
        f"| texts | seeds | {' | '.join(f'{labels} labels' for labels in shown)} |"
        f" labels for {GOAL:g} % |",
        f"| --- | ---: |{' ---: |' * (len(shown) + 1)}",
    ]
    for (choice,), group in grouped(rows, ("choice",)).items():
        means = dict(zip(*curve(group), strict=True))
        needed = labels_needed(group)
        cells = [f"{means[labels]:.1f}" if labels in means else "" for labels in shown]
        cells.append("not reached" if needed is None else f"{needed:.0f}")
        seeds = len({row["seed"] for row in group})
        lines.append(f"| {choice} | {seeds} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(rows: Sequence[Row], figure: Figure) -> None:
    """Accuracy against the number of labels: the mean over the seeds, and their range."""
    figure.set_size_inches(7.2, 4.4)
    axes = figure.add_subplot()
    for (choice,), group in grouped(rows, ("choice",)).items():
        labels, means = curve(group)
        by_labels = grouped(group, ("labels",))
        accuracies = [[row["accuracy"] for row in by_labels[(count,)]] for count in labels]
        axes.plot(labels, means, label=choice, color=COLOURS[choice], linewidth=1.2)
        low, high = list(map(min, accuracies)), list(map(max, accuracies))
        axes.fill_between(labels, low, high, color=COLOURS[choice], alpha=0.2, linewidth=0)
    axes.axhline(GOAL, color="#888888", linewidth=0.8, linestyle="--")
    axes.set_xlabel("labelled texts")
    axes.set_ylabel("test accuracy, %")
    axes.set_title("ag_news: small, labelled round by round")
    axes.legend(loc="lower right")


def main() -> None:
    """Measure what is missing, print the table, or draw the curves."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, nargs="?", help="the folder of the data sets")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--labels", type=int, default=1_600, help="the most labels of a run")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--plot", action="store_true")
    arguments = parser.parse_args()
    records = Records(arguments.output, (Conditions, Setting, Found))
    rows = newest(records.read(), ("choice", "labels"))
    if arguments.plot:
        with replacing_file(PLOT, overwrite=True) as file:
            file.write(render(partial(draw, rows), "svg").decode())
        print(PLOT)
    elif arguments.table or arguments.data is None:
        print(table(rows))
    else:
        measure(arguments.data, records, arguments.seeds, arguments.labels)


def measure(data: Path, records: Records, seeds: int, most: int) -> None:
    """Add the rows of the runs that the file has not."""
    train, test = read(data / DATA)
    for seed in range(seeds):
        archive = train.drawn(seed, ARCHIVE_TEXTS)
        for choice in COLOURS:
            conditions = asdict(look_around())
            if records.find({"commit": conditions["commit"], "choice": choice, "seed": seed}):
                continue
            found = list(simulate(choice, archive, test, seed, most))
            for labels, one in found:
                setting = Setting(choice, seed, labels)
                records.append({**conditions, **asdict(setting), **asdict(one)})
            print(choice, seed, *found[-1], flush=True)


if __name__ == "__main__":
    main()
