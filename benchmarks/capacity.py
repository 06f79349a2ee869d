"""How many texts a day some machines predict: a simulation, checked against this one.

    python benchmarks/capacity.py MODEL DATA [--rows 400000] [--parts 16]
    python benchmarks/capacity.py --rate 100000 --texts-a-day 1e9     # only the sums

DATA's test rows are repeated into CSV files. Three things are measured: a job of one small part
(what a job costs before its first row), a job of one large part by one process (the time of a row),
and two such jobs at once (how much a core slows down when all are busy). From these the simulation
predicts the same rows in many parts by 1, 2 and 4 processes, which are then timed.

In the simulation, a job starts up alone, then its processes start, and take one part after the
other; processes that run share the cores.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Final

from wave_network._native.threads import available
from wave_network.data import column, read_splits

REPEATS: Final = 3
WORKERS: Final = (1, 2, 4)
SECONDS_A_DAY: Final = 86_400
BUSY_SHARE: Final = 0.6  # of the day that machines are worked to capacity


@dataclass(frozen=True)
class Costs:
    """What work costs on a core.

    Attributes:
        job: Seconds of a job before its processes start.
        process: Seconds until a process has loaded the model.
        row: Seconds of a row.
        crowding: How many times as long work takes when all cores are busy.
        cores: How many there are.
    """

    job: float
    process: float
    row: float
    crowding: float
    cores: int


def simulated(costs: Costs, parts: list[int], workers: int) -> float:
    """Return the seconds of a job.

    Args:
        costs: What work costs.
        parts: The rows of each part.
        workers: How many processes there are.
    """
    workers = min(workers, len(parts))
    waiting = sorted(parts)
    # What is left of the work that each process is at: first its start.
    left = [0.0 if workers == 1 else costs.process] * workers
    now = costs.job
    while left:
        busy = len(left)
        slowdown = max(1.0, busy / costs.cores) * (costs.crowding if busy > 1 else 1.0)
        least = min(left)
        now += least * slowdown
        left = [work - least for work in left if work > least] + [
            waiting.pop() * costs.row for work in left if work == least and waiting
        ]
    return now


def command(model: Path, inputs: Path, output: Path, workers: int) -> list[str]:
    """Return the command that predicts a folder of parts."""
    return [
        *(sys.executable, "-m", "wave_network", "predict", str(model)),
        *("--input", str(inputs / "*.csv"), "--output", str(output)),
        *("--threads", str(workers), "--overwrite"),
    ]


def timed(*commands: list[str]) -> float:
    """Return the seconds until all commands, run at once, have ended; the least of three."""
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        running = [subprocess.Popen(one, stderr=subprocess.DEVNULL) for one in commands]
        if any(one.wait() for one in running):
            raise SystemExit("predict failed")
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def write_parts(folder: Path, texts: list[str], rows: list[int]) -> Path:
    """Write texts, again and again, into parts of so many rows."""
    folder.mkdir()
    endless = cycle(texts)
    for number, count in enumerate(rows):
        with (folder / f"part-{number:03}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text"])
            writer.writerows([text] for text in islice(endless, count))
    return folder


def measured_costs(model: Path, folder: Path, texts: list[str], rows: int) -> Costs:
    """Measure what the simulation needs, with jobs of one process."""
    one = write_parts(folder / "one", texts, [1])
    pair = write_parts(folder / "pair", texts, [1, 1])
    large = write_parts(folder / "large", texts, [rows])

    def job(parts: Path, workers: int, number: int = 0) -> list[str]:
        return command(model, parts, folder / f"out-{parts.name}-{number}", workers)

    start = timed(job(one, 1))
    process = max(timed(job(pair, 2)) - start, 0.0)
    alone = timed(job(large, 1)) - start
    cores = available()
    together = timed(*(job(large, 1, number) for number in range(cores))) - start
    return Costs(start, process, alone / rows, max(together / alone, 1.0), cores)


def print_sums(rate: float, texts_a_day: float, bytes_a_text: float, price: float) -> None:
    """Print what so many texts a day take."""
    seconds = texts_a_day / rate
    cores = seconds / SECONDS_A_DAY / BUSY_SHARE
    print(f"{texts_a_day:,.0f} texts a day at {rate:,.0f} texts/s a core:")
    print(f"  {seconds / 3600:,.1f} core hours; {cores:,.2f} cores that are busy 60 % of the day")
    print(f"  {texts_a_day * bytes_a_text / 1e9:,.0f} GB read a day at {bytes_a_text:,.0f} bytes")
    print(f"  {seconds / 3600 * price:,.2f} a day at {price:g} a core hour")


def main() -> None:
    """Measure, simulate and compare; or only do the sums."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--parts", type=int, default=16)
    parser.add_argument("--rate", type=float, help="texts a second of a core; no measuring")
    parser.add_argument("--texts-a-day", type=float, default=1e9)
    parser.add_argument("--bytes-a-text", type=float, default=240)
    parser.add_argument("--price", type=float, default=0.05, help="of a core hour")
    options = parser.parse_args()
    rate = options.rate
    if rate is None:
        if options.data is None:
            parser.error("give MODEL and DATA, or --rate")
        rate = checked_rate(options)
    print_sums(rate, options.texts_a_day, options.bytes_a_text, options.price)


def checked_rate(options: argparse.Namespace) -> float:
    """Compare simulation and measurement, and return the texts a second of a core."""
    rows = read_splits(options.data).test
    if rows is None:
        raise SystemExit(f"{options.data} has no test split")
    texts = list(column(rows, "text"))
    folder = Path(tempfile.mkdtemp(prefix="capacity-"))
    try:
        costs = measured_costs(options.model, folder, texts, options.rows)
        print(f"a job {costs.job:.2f} s, a process {costs.process:.2f} s, "
              f"a row {1e6 * costs.row:.2f} µs, all {costs.cores} cores busy: "
              f"{costs.crowding:.2f} times as long")  # fmt: skip
        parts = [options.rows // options.parts] * options.parts
        inputs = write_parts(folder / "many", texts, parts)
        print("| processes | simulated, s | measured, s | off |\n| ---: | ---: | ---: | ---: |")
        for workers in WORKERS:
            expected = simulated(costs, parts, workers)
            seconds = timed(command(options.model, inputs, folder / "out", workers))
            off = expected / seconds - 1
            print(f"| {workers} | {expected:.2f} | {seconds:.2f} | {off:+.0%} |", flush=True)
    finally:
        shutil.rmtree(folder)
    return 1 / (costs.row * costs.crowding)


if __name__ == "__main__":
    main()
