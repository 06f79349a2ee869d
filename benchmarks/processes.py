"""What a second process is worth: `paper` trained by one process and by several.

Each row is a launch of its own, as a user starts it, on the same batches: one process with one
thread, one with as many threads as there are processes at most, and several with one thread each.
The time is that of an epoch, validation included: the median of all but the first. The efficiency
is the speed-up over one process with one thread, divided by the number of cores used. The weights
are compared with those of the first row.

    python benchmarks/processes.py DATA/ag_news --rows 20000 --processes 2
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from safetensors.numpy import load_file

from wave_network.data import read_splits
from wave_network.persistence.folder import read_history

_EPOCHS: Final = 4
_PAPER: Final = {"preset": "paper", "epochs": _EPOCHS, "device": "cpu"}


def measure(data: str, rows: int, processes: int) -> Iterator[dict[str, float | int]]:
    """Train each way, and yield its row."""
    ways = [(1, 1), (1, processes), (processes, 1)]
    with TemporaryDirectory() as made:
        folder = Path(made)
        _write_rows(data, rows, folder / "train.csv")
        (folder / "settings.json").write_text(json.dumps(_PAPER))
        alone = 0.0
        for count, threads in ways:
            output = folder / f"model-{count}-{threads}"
            _train(folder, output, count, threads)
            ends = [record["seconds"] for record in read_history(output)]
            epoch = statistics.median(end - before for before, end in pairwise(ends))
            alone = alone or epoch
            yield {
                "processes": count,
                "threads": threads,
                "epoch_seconds": round(epoch, 2),
                "speed_up": round(alone / epoch, 2),
                "efficiency": round(alone / epoch / (count * threads), 2),
                "weights_differ_by": _difference(folder / "model-1-1", output),
            }


def _write_rows(data: str, rows: int, path: Path) -> None:
    table = read_splits(data).train
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label"))
        writer.writerows(zip(table["text"][:rows], table["label"][:rows], strict=True))


def _train(folder: Path, output: Path, count: int, threads: int) -> None:
    arguments = ["train", str(folder / "train.csv"), "--config", str(folder / "settings.json")]
    arguments += ["--output", str(output), "--threads", str(threads)]
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", str(count), "--module"]
    launched = launcher if count > 1 else ["-m"]
    subprocess.run(
        [sys.executable, *launched, "wave_network", *arguments],
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        stdout=subprocess.DEVNULL,
        check=True,
    )


def _difference(first: Path, second: Path) -> float:
    """Return the largest difference of two models' weights."""
    one, other = (load_file(folder / "model.safetensors") for folder in (first, second))
    return max(float(abs(one[name] - other[name]).max()) for name in one)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    for row in measure(asked.data, asked.rows, asked.processes):
        print(json.dumps(row), flush=True)
