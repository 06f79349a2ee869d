"""Train on many times the rows of a data set: time, and memory beside the system's page cache.

    python benchmarks/larger_than_memory.py DATA [--rows 1000000,20000000] [--scratch FOLDER]

For each number of rows, training texts of DATA are drawn with replacement, every tenth word left
out, and written to a parquet file in the scratch folder; one that is there already is used again.
`wave-network train` reads it in a process of its own, with DATA's test split for the accuracy.
Meanwhile its memory is read from the system every second: `RssAnon`, which is what the process
needs, and `VmRSS`, which counts pages of mapped files as well that the system can drop.

The temporary files need about 500 bytes of disk a row of AG News, in TMPDIR: 10 GB for 20 million,
beside 3 GB of parquet. At the end all that the files have of today's code is drawn.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from conditions import HERE, Conditions, commit, look_around
from records import Records, Row, grouped
from wave_network.config import PRESETS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OUTPUT: Final = HERE / "data" / "larger_than_memory.csv"
PLOT: Final = HERE.parent / "results" / "plots" / "larger-than-memory.svg"
_CODE: Final = ("src", "pyproject.toml", "constraints.txt", "benchmarks/larger_than_memory.py")
_LEFT_OUT: Final = 0.1  # of the words
_ROWS_AT_ONCE: Final = 50_000
_SECONDS: Final = 1.0  # between two looks at the memory


@dataclass(frozen=True)
class Point:
    """What is measured."""

    data: str
    rows: int
    preset: str
    threads: int


@dataclass(frozen=True)
class Cost:
    """What is found out.

    Attributes:
        seconds: Of the whole command, from its start to its end.
        cpu_seconds: Of the processor, in user mode.
        anon_mb: The largest `RssAnon`.
        rss_mb: The largest `VmRSS`.
        accuracy: On the test split of the data.
    """

    seconds: float
    cpu_seconds: float
    anon_mb: float
    rss_mb: float
    accuracy: float | None


@dataclass(frozen=True)
class Moment:
    """The memory at one time of a training."""

    commit: str
    data: str
    rows: int
    preset: str
    second: float
    anon_mb: float
    rss_mb: float


def main() -> None:
    """Measure each number of rows; draw them all."""
    options = parse()
    records = Records(options.output, (Conditions, Point, Cost))
    moments = Records(options.output.with_suffix(".moments.csv"), (Moment,))
    options.scratch.mkdir(parents=True, exist_ok=True)
    for rows in options.rows:
        point = Point(Path(options.data).name, rows, options.preset, options.threads)
        path = options.scratch / f"{point.data}-{rows}.parquet"
        if not path.exists():
            print(f"writing {path}", file=sys.stderr, flush=True)
            write(Path(options.data), rows, path)
        print(f"training on {rows:,} rows", file=sys.stderr, flush=True)
        row = asdict(look_around(_CODE)) | asdict(point)
        cost, seen = measure(point, path, Path(options.data), options.scratch)
        records.append(row | asdict(cost))
        for moment in seen:
            moments.append(asdict(moment))
    here = commit(_CODE)
    measured = [row for row in records.read() if row["commit"] == here]
    print(table(measured))
    draw_to(options.plot, [row for row in moments.read() if row["commit"] == here])


def parse() -> argparse.Namespace:
    """Read the command line."""
    summary, _, details = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=details, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", help="a folder with train.* and test.*")
    parser.add_argument("--rows", default="1000000,20000000", help="with commas between them")
    parser.add_argument("--scratch", type=Path, default=Path("larger-than-memory"))
    parser.add_argument("--preset", default="small", choices=list(PRESETS))
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--plot", type=Path, default=PLOT)
    options = parser.parse_args()
    try:
        options.rows = [int(number) for number in options.rows.split(",")]
    except ValueError as error:
        parser.error(str(error))
    return options


def write(data: Path, rows: int, path: Path) -> None:
    """Write so many rows, drawn from the training rows with words left out, as parquet."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    from wave_network.data import read_splits

    train = read_splits(data).train
    words = [text.split(" ") for text in train["text"]]
    labels = train["label"][:]
    generator = np.random.default_rng(0)
    unfinished = path.with_suffix(".unfinished")
    schema = pa.schema({"text": pa.string(), "label": pa.array(labels[:1]).type})
    with ParquetWriter(unfinished, schema) as writer:
        for start in range(0, rows, _ROWS_AT_ONCE):
            drawn = generator.integers(len(words), size=min(_ROWS_AT_ONCE, rows - start)).tolist()
            texts = [shortened(words[place], generator) for place in drawn]
            columns = [texts, [labels[place] for place in drawn]]
            writer.write_table(pa.table(columns, schema=schema))
    unfinished.rename(path)


def shortened(words: Sequence[str], generator: np.random.Generator) -> str:
    """A text without some of its words."""
    kept = (generator.random(len(words)) >= _LEFT_OUT).tolist()
    return " ".join(word for word, stays in zip(words, kept, strict=True) if stays)


def measure(point: Point, path: Path, data: Path, scratch: Path) -> tuple[Cost, list[Moment]]:
    """Train in a process of its own, and look at its memory meanwhile.

    Raises:
        SystemExit: If training fails.
    """
    command = [
        *(sys.executable, "-m", "wave_network", "train", str(path), "--test", str(data)),
        *("--preset", point.preset, "--threads", str(point.threads), "--json"),
        *("--output", str(scratch / "model"), "--overwrite"),
    ]
    code, seen, answers = commit(_CODE), list[Moment](), list[str]()
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        reader = threading.Thread(target=lambda: answers.append(process.communicate()[0]))
        reader.start()
        while reader.is_alive():
            memory = memory_of(process.pid)
            if memory is not None:
                second = round(time.perf_counter() - started, 1)
                seen.append(Moment(code, point.data, point.rows, point.preset, second, *memory))
            reader.join(_SECONDS)
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode != 0:
        sys.exit(f"training on {point.rows:,} rows failed with exit code {process.returncode}")
    summary = json.loads(answers[0])
    cost = Cost(
        seconds=round(seconds, 1),
        cpu_seconds=round(after.ru_utime - before.ru_utime, 1),
        anon_mb=max(moment.anon_mb for moment in seen),
        rss_mb=max(moment.rss_mb for moment in seen),
        accuracy=None if summary["test"] is None else round(summary["test"]["accuracy"], 4),
    )
    return cost, seen


def memory_of(process: int) -> tuple[float, float] | None:
    """`RssAnon` and `VmRSS` of a process in MB; None if it has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    values = dict(line.split(":", 1) for line in status.splitlines())
    if "RssAnon" not in values:  # it has ended, and waits to be collected
        return None
    anon, rss = (int(values[name].split()[0]) * 1024 / 1e6 for name in ("RssAnon", "VmRSS"))
    return round(anon, 1), round(rss, 1)


def table(rows: Sequence[Row]) -> str:
    """What was measured, in Markdown; times beside the fewest rows of the same preset."""
    lines = [
        "| rows | preset | seconds | processor, s | times the rows | times the seconds "
        "| memory, MB | with mapped files, MB | accuracy |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for group in grouped(rows, ("data", "preset", "threads")).values():
        first = min(group, key=lambda row: row["rows"])
        for row in group:
            cells = (
                f"{row['rows']:,}",
                row["preset"],
                f"{row['seconds']:.0f}",
                f"{row['cpu_seconds']:.0f}",
                f"{row['rows'] / first['rows']:.1f}",
                f"{row['seconds'] / first['seconds']:.1f}",
                f"{row['anon_mb']:.0f}",
                f"{row['rss_mb']:.0f}",
                "" if row["accuracy"] is None else f"{row['accuracy']:.4f}",
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def draw_to(path: Path, rows: Sequence[Row]) -> None:
    """Draw the memory over time into an SVG file, if there is any."""
    from wave_network.explain.figure import render
    from wave_network.persistence.atomic import replacing_file

    if rows:
        with replacing_file(path, overwrite=True) as file:
            file.write(render(partial(draw, rows), "svg").decode())


def draw(rows: Sequence[Row], figure: Figure) -> None:
    """A line for each number of rows: `RssAnon` over the share of the time."""
    figure.set_size_inches(6.4, 3.2)
    axes = figure.subplots()
    for (count, preset), line in grouped(rows, ("rows", "preset")).items():
        end = line[-1]["second"] or 1.0
        shares = [row["second"] / end for row in line]
        label = f"{preset}, {count:,} rows, {end / 60:.1f} min"
        axes.plot(shares, [row["anon_mb"] for row in line], label=label)
    axes.set_xlabel("share of the time")
    axes.set_ylabel("memory beside the page cache, MB")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=7)


if __name__ == "__main__":
    main()
