"""Measure what a base install weighs, and how quickly its commands start.

    python benchmarks/footprint.py DATA [--repeat 7] [--python python3.12]

Builds the wheel, installs it alone into a new virtual environment, and times whole commands there:
from the start of the process to its end, with nothing loaded before. DATA is as for
`wave-network train`; it is written to csv files first, which the base install reads. Rows go to
`data/footprint.csv`.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from conditions import HERE, MEGABYTE, Conditions, look_around
from records import Records
from wave_network.data import read_splits

OUTPUT: Final = HERE / "data" / "footprint.csv"
_TOOLS: Final = ("pip", "setuptools", "_distutils_hack", "pkg_resources")  # of the venv itself
_THROUGHPUT: Final = """
import csv, json, sys, time
from wave_network import load
csv.field_size_limit(2**30)
with open(sys.argv[2], encoding="utf-8", newline="") as file:
    texts = [row["text"] for row in csv.DictReader(file)]
model = load(sys.argv[1])
rates = []
for _ in range(5):
    start = time.perf_counter()
    model.predict_proba(texts)
    rates.append(len(texts) / (time.perf_counter() - start))
print(json.dumps([rates[0], max(rates[1:])]))
"""


@dataclass(frozen=True)
class Footprint:
    """What is measured; times are medians.

    Attributes:
        data: Whose training rows are trained on.
        install_mb: All that pip installed, with compiled Python files.
        packages: Number of distributions.
        train_sample_s: `wave-network train sample`, the whole command.
        predict_s: `wave-network predict MODEL TEXT`, the whole command.
        help_s: `wave-network --help`, the whole command.
        train_s: `wave-network train DATA`, the whole command.
        train_peak_mb: Its peak memory.
        first_texts_s: Texts per second of the first call in a new process, on the test rows.
        warm_texts_s: The best of the next calls.
    """

    data: str
    install_mb: float
    packages: int
    train_sample_s: float
    predict_s: float
    help_s: float
    train_s: float
    train_peak_mb: float
    first_texts_s: float
    warm_texts_s: float


def main() -> None:
    """Build, install, measure; print the row and add it to the file."""
    options = parse()
    records = Records(options.output, (Conditions, Footprint))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = installed(folder, options.python)
        data = as_csv(options.data, folder / "data")
        row = asdict(look_around()) | asdict(measure(python, data, options))
    records.append(row)
    for name, value in row.items():
        print(f"{name:16} {value}")


def parse() -> argparse.Namespace:
    """Read the command line."""
    summary, _, details = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=details, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", metavar="DATA", help="as for wave-network train, with a test split")
    parser.add_argument("--repeat", type=int, default=7, help="runs of each short command")
    parser.add_argument("--python", default=sys.executable, help="makes the virtual environment")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="CSV file that gets the row")
    return parser.parse_args()


def installed(folder: Path, python: str) -> Path:
    """Install the wheel of this checkout into a new environment; return its Python."""
    wheels = folder / "wheels"
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", wheels, HERE.parent],
        check=True,
    )
    subprocess.run([python, "-m", "venv", folder / "venv"], check=True)
    there = folder / "venv" / "bin" / "python"
    subprocess.run([there, "-m", "pip", "install", "-q", *wheels.glob("*.whl")], check=True)
    return there


def as_csv(data: str, folder: Path) -> Path:
    """Write the training and test rows to csv files."""
    folder.mkdir()
    splits = read_splits(data)
    for name, rows in (("train", splits.train), ("test", splits.test)):
        if rows is None:
            sys.exit(f"{data} has no {name} split")
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"])
            writer.writerows(zip(rows["text"], rows["label"], strict=True))
    return folder


def measure(python: Path, data: Path, options: argparse.Namespace) -> Footprint:
    """Measure the environment of a Python."""
    repeat: int = options.repeat
    command = python.with_name("wave-network")
    model, sample = data.parent / "model", data.parent / "sample-model"
    text = "Oil prices jump as OPEC cuts output"
    overwriting = ["--output", sample, "--overwrite"]
    sample_times = [timed([command, "train", "sample", *overwriting])[0] for _ in range(repeat)]
    train_seconds, peak = timed([command, "train", data, "--output", model])
    predict_times = [timed([command, "predict", model, text])[0] for _ in range(repeat)]
    help_times = [timed([command, "--help"])[0] for _ in range(repeat)]
    rates = [throughput(python, model, data / "test.csv") for _ in range(repeat)]
    size, packages = installed_size(python)
    return Footprint(
        data=Path(options.data).name,
        install_mb=size,
        packages=packages,
        train_sample_s=round(statistics.median(sample_times), 3),
        predict_s=round(statistics.median(predict_times), 3),
        help_s=round(statistics.median(help_times), 3),
        train_s=round(train_seconds, 2),
        train_peak_mb=round(peak, 1),
        first_texts_s=round(statistics.median(first for first, _ in rates)),
        warm_texts_s=round(statistics.median(warm for _, warm in rates)),
    )


def timed(command: Sequence[Any]) -> tuple[float, float]:
    """Run a command; return its seconds, and its peak memory in MB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status != 0:
        sys.exit(f"{' '.join(map(str, command))} failed: {errors.decode()[-2000:]}")
    unit = 1 if sys.platform == "darwin" else 1024
    return seconds, usage.ru_maxrss * unit / MEGABYTE


def throughput(python: Path, model: Path, texts: Path) -> tuple[float, float]:
    """Return the texts per second of the first call of a process, and of the best later one."""
    done = subprocess.run(
        [python, "-c", _THROUGHPUT, model, texts], capture_output=True, text=True, check=True
    )
    first, warm = json.loads(done.stdout)
    return first, warm


def installed_size(python: Path) -> tuple[float, int]:
    """Return the size of all that was installed, in MB, and the number of distributions."""
    where = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    done = subprocess.run([python, "-c", where], capture_output=True, text=True, check=True)
    packages = Path(done.stdout.strip())
    ours = [each for each in packages.iterdir() if not each.name.startswith(_TOOLS)]
    files = [file for each in ours for file in [each, *each.rglob("*")] if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    return round(size / MEGABYTE, 1), sum(each.name.endswith(".dist-info") for each in ours)


if __name__ == "__main__":
    main()
