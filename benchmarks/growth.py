"""Measure how cost grows with a text's length, the training rows, the classes and the threads.

    python benchmarks/growth.py [--data DATA] [--most N] [--threads 1,2]

Along each axis everything else stays as it is:

- tokens: 512 synthetic texts of 16 to 16,384 tokens, 4 classes, the length limit raised to match;
- rows: the training texts of DATA, repeated, 1,000 to 1,000,000 rows;
- classes: 100,000 synthetic texts of 16 tokens in 2 to 10,000 classes.

Training takes one epoch, split, vocabulary and encoding included. Each point gets a process of its
own. First the model's answers are checked (`check.py`). A point that the CSV file has from the same
code and machine is not measured again. At the end all that the file has so is drawn, with the
fitted exponents: 1 is linear.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from conditions import HERE, Conditions, forget_peak, in_new_process, look_around, peak_mb
from models import Wave, make
from records import Records, Row, grouped
from wave_network.config import PRESETS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AXES: Final = {
    "tokens": (16, 64, 256, 1_024, 4_096, 16_384),
    "rows": (1_000, 10_000, 100_000, 1_000_000),
    "classes": (2, 10, 100, 1_000, 10_000),
}
COSTS: Final = {
    "train_seconds": "training, s",
    "predict_ms": "predicting, ms a text",
    "train_mb": "memory for training, MB",
}
OUTPUT: Final = HERE / "data" / "growth.csv"
PLOT: Final = HERE.parent / "results" / "plots" / "growth.svg"
_LENGTH_TEXTS: Final = 512
_LENGTH_CLASSES: Final = 4
_CLASS_TEXTS: Final = 100_000
_CLASS_TOKENS: Final = 16
_VOCABULARY: Final = 8_000
_PREDICTED: Final = 10_000
_SINGLE_TEXTS: Final = 200


@dataclass(frozen=True)
class Point:
    """What is measured.

    Attributes:
        axis: One of `AXES`.
        value: Along that axis.
        preset: Of the wave model.
        threads: That it may use.
        data: Whose training texts are repeated along `rows`; None on the other axes.
    """

    axis: str
    value: int
    preset: str
    threads: int
    data: str | None


@dataclass(frozen=True)
class Cost:
    """What is found out.

    Attributes:
        predict_ms: For a text, of up to 10,000 training texts in one call.
        single_ms: For one text alone, labels and scores, warm: the median over many.
        start_mb: Memory before training: the libraries and the texts.
        train_mb: Peak memory while training, beyond that.
    """

    rows: int
    tokens: float
    classes: int
    train_seconds: float
    predict_ms: float
    single_ms: float
    start_mb: float
    train_mb: float


KINDS: Final = (Conditions, Point, Cost)


def main() -> None:
    """Measure every point that the file does not have yet; draw them all."""
    options = parse()
    if options.worker:
        print(json.dumps(asdict(measure(Point(**json.loads(options.worker))))))
        return
    command = [sys.executable, str(HERE / "check.py"), options.data, "--models", options.preset]
    if subprocess.run(command, stdout=sys.stderr).returncode != 0:
        sys.exit("the check failed, see above: nothing was timed")
    records = Records(options.output, KINDS)
    failed: list[str] = []
    for point in points(options):
        if measured(records, point, again=options.again) is None:
            failed.append(f"{point.axis} {point.value}")
    rows = curves(records.read(), options.preset)
    draw_to(options.plot, rows)
    print(table(rows))
    if failed:
        sys.exit(f"no row for {', '.join(failed)}: see above")


def parse() -> argparse.Namespace:
    """Read the command line."""
    summary, _, details = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=details, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="sample", help="whose rows are repeated")
    parser.add_argument("--preset", default="small", choices=list(PRESETS))
    parser.add_argument("--axes", default=",".join(AXES), help="with commas between them")
    parser.add_argument("--most", type=int, help="leave out the points above, on every axis")
    parser.add_argument("--threads", default="1,2", help="with commas between them")
    parser.add_argument("--again", action="store_true", help="measure again what is in the file")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--plot", type=Path, default=PLOT)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.axes = options.axes.split(",")
    for axis in options.axes:
        if axis not in AXES:
            parser.error(f"{axis!r} is not one of {', '.join(AXES)}")
    try:
        options.threads = [int(number) for number in options.threads.split(",")]
        Records(options.output, KINDS)
    except ValueError as error:
        parser.error(str(error))
    return options


def points(options: argparse.Namespace) -> Iterator[Point]:
    """What to measure, in order."""
    for axis in options.axes:
        for value in AXES[axis]:
            for threads in options.threads:
                if options.most is None or value <= options.most:
                    data = options.data if axis == "rows" else None
                    yield Point(axis, value, options.preset, threads, data)


def measured(records: Records, point: Point, *, again: bool) -> Row | None:
    """The row of a point, from the file or measured now; None if that failed."""
    row = asdict(look_around()) | asdict(point)
    if point.data:
        row["data"] = Path(point.data).name
    same = ("commit", "machine", "cores", *asdict(point))
    found = None if again else records.find({name: row[name] for name in same})
    progress = f"{point.axis} {point.value:,}, {point.threads} threads"
    print(f"{progress}, in the file" if found else progress, file=sys.stderr, flush=True)
    if found:
        return found
    cost = in_new_process(Path(__file__), asdict(point), threads=point.threads)
    if cost is None:
        return None
    row |= cost
    records.append(row)
    return row


def measure(point: Point) -> Cost:
    """Train for an epoch and predict, in this process.

    Raises:
        SystemExit: If the answers are no probabilities.
    """
    texts, labels = make_texts(point)
    max_length = max(point.value, 16) if point.axis == "tokens" else None
    model = make(point.preset, seed=0, threads=point.threads, epochs=1, max_length=max_length)
    assert isinstance(model, Wave)
    forget_peak()
    start_mb = peak_mb()
    start = time.perf_counter()
    model.fit(texts, labels)
    train_seconds = time.perf_counter() - start
    train_mb = peak_mb() - start_mb

    some = texts[:_PREDICTED]
    engine = model.engine
    engine.predict(some[:2])
    start = time.perf_counter()
    probabilities = engine.predict_proba(some)
    predict_seconds = time.perf_counter() - start
    classes = len(set(labels))
    if probabilities.shape != (len(some), classes) or not np.allclose(probabilities.sum(1), 1):
        sys.exit(f"{point.axis} {point.value}: the answers are no probabilities")
    offsets = engine.tokenizer.encode(some).offsets
    times = []
    for text in some[:_SINGLE_TEXTS]:
        start = time.perf_counter()
        engine.predict([text])
        times.append(time.perf_counter() - start)
    return Cost(
        rows=len(texts),
        tokens=round(float(offsets[-1]) / len(some), 1),
        classes=classes,
        train_seconds=round(train_seconds, 3),
        predict_ms=round(1000 * predict_seconds / len(some), 5),
        single_ms=round(1000 * statistics.median(times), 4),
        start_mb=round(start_mb, 1),
        train_mb=round(train_mb, 1),
    )


def make_texts(point: Point) -> tuple[list[str], list[int]]:
    """The training texts and labels of a point."""
    if point.axis == "rows":
        from wave_network.data import encode_labels, read_splits

        assert point.data is not None
        train = read_splits(point.data).train
        order = np.random.default_rng(0).permutation(len(train))
        taken = np.resize(order, point.value)  # over and over again
        _, labels = encode_labels(train["label"])
        texts = train["text"][:]
        return [texts[index] for index in taken], labels[taken].tolist()
    if point.axis == "tokens":
        return synthetic_texts(_LENGTH_TEXTS, point.value, _LENGTH_CLASSES)
    return synthetic_texts(_CLASS_TEXTS, _CLASS_TOKENS, point.value)


def synthetic_texts(count: int, tokens: int, classes: int) -> tuple[list[str], list[int]]:
    """Texts of words drawn by Zipf's law, of which every fourth is a word of the text's class.

    Args:
        count: How many; the classes take turns.
        tokens: Of each text; `[CLS]` counts as one, and a word is one.
        classes: How many.
    """
    generator = np.random.default_rng(0)
    chances = 1 / np.arange(1, _VOCABULARY + 1)
    words = np.array([f"w{number}" for number in range(_VOCABULARY)])
    drawn = generator.choice(_VOCABULARY, (count, tokens - 1), p=chances / chances.sum())
    labels = [index % classes for index in range(count)]
    texts = []
    for label, numbers in zip(labels, drawn, strict=True):
        text = words[numbers]
        text[::4] = f"c{label}"
        texts.append(" ".join(text))
    return texts, labels


def curves(rows: Sequence[Row], preset: str) -> list[Row]:
    """All points of a preset that today's code and this machine have measured, axis by axis."""
    here = asdict(look_around()) | {"preset": preset}
    same = ("commit", "machine", "cores", "preset")
    last = {
        (list(AXES).index(row["axis"]), row["threads"], row["value"]): row
        for row in rows
        if all(row[name] == here[name] for name in same)
    }
    return [last[place] for place in sorted(last)]


def exponent(values: Sequence[float], costs: Sequence[float]) -> float:
    """The slope of the costs over the values, both as logarithms, in the upper half of the range.

    Below, what every call costs hides how cost grows.
    """
    middle = (min(values) * max(values)) ** 0.5
    upper = [(x, y) for x, y in zip(values, costs, strict=True) if x >= middle and y > 0]
    if len(upper) < 2:
        return float("nan")
    across, up = np.log(np.array(upper, dtype=np.float64).T)
    slope = np.polynomial.Polynomial.fit(across, up, 1).convert().coef[1]
    return float(slope)


def table(rows: Sequence[Row]) -> str:
    """The fitted exponents in Markdown."""
    lines = [
        "| axis | from | to | threads | training | predicting | one text | training memory |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for (axis, threads), group in grouped(rows, ("axis", "threads")).items():
        values = [row["value"] for row in group]
        fitted = [
            f"{exponent(values, [row[cost] for row in group]):.2f}"
            for cost in ("train_seconds", "predict_ms", "single_ms", "train_mb")
        ]
        ends = (f"{min(values):,}", f"{max(values):,}")
        lines.append(f"| {' | '.join((axis, *ends, str(threads), *fitted))} |")
    return "\n".join(lines)


def draw_to(path: Path, rows: Sequence[Row]) -> None:
    """Draw the rows into an SVG file, if there are any."""
    from wave_network.explain.figure import render
    from wave_network.persistence.atomic import replacing_file

    if rows:
        with replacing_file(path, overwrite=True) as file:
            file.write(render(partial(draw, rows), "svg").decode())


def draw(rows: Sequence[Row], figure: Figure) -> None:
    """A row of panels an axis, a column a cost, a line a number of threads."""
    by_axis = grouped(rows, ("axis",))
    figure.suptitle(rows[0]["preset"], fontsize=10)
    figure.set_size_inches(8.4, 2.4 * len(by_axis) + 0.3)
    grid = figure.subplots(len(by_axis), len(COSTS), squeeze=False)
    for panels, ((axis,), group) in zip(grid, by_axis.items(), strict=True):
        for axes, (cost, label) in zip(panels, COSTS.items(), strict=True):
            for (threads,), line in grouped(group, ("threads",)).items():
                points = [(row["value"], row[cost]) for row in line if row[cost] > 0]
                if not points:  # a logarithmic axis has no 0
                    continue
                values, costs = zip(*points, strict=True)
                name = "1 thread" if threads == 1 else f"{threads} threads"
                axes.loglog(
                    values,
                    costs,
                    marker="o",
                    color="#0072b2" if threads == 1 else "#d55e00",
                    label=f"{name}: n$^{{{exponent(values, costs):.2f}}}$",
                )
            axes.set_xlabel(axis)
            axes.set_ylabel(label)
            if axes.lines:
                axes.legend(fontsize=7)


if __name__ == "__main__":
    main()
