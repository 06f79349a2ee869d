"""Predict millions of texts in parts: texts/s, memory over time, and rows after kills.

The texts are the training rows of DATA, repeated, with a key each, in parquet files in FOLDER,
which also gets the model (`small`, trained on DATA) and what is predicted.

    python benchmarks/scoring.py speed DATA/ag_news/train.parquet FOLDER --rows 5000000
    python benchmarks/scoring.py kills DATA/ag_news/train.parquet FOLDER --rows 5000000
    python benchmarks/scoring.py ray DATA/ag_news/train.parquet FOLDER --rows 2000000

`speed` runs `predict` with 1 and 2 workers, and writes the memory of all its processes each second
to FOLDER/memory-WORKERS.csv, and drawn to FOLDER/memory.svg. `kills` ends `predict` with SIGKILL in
the middle, and goes on. `ray` kills a worker of a Ray cluster of this machine in the middle. All
count the rows of the answers by their keys, and compare the answers of two parts with the engine's.
Each prints a line of JSON.
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from conditions import MEGABYTE, look_around
from wave_network import load
from wave_network.explain.figure import render

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PARTS: Final = 40
_WATCHED_EVERY: Final = 1.0  # seconds
_COMMAND: Final = (sys.executable, "-m", "wave_network")


def make_parts(data: Path, folder: Path, rows: int) -> Path:
    """Write the parts, unless they are there, and return their folder."""
    place = folder / f"parts-{rows}"
    if place.is_dir():
        return place
    unfinished = folder / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    texts = parquet.read_table(data, columns=["text"])
    for part in range(PARTS):
        keys = np.arange(part * rows // PARTS, (part + 1) * rows // PARTS)
        table = texts.take(keys % len(texts)).append_column("key", pa.array(keys))
        parquet.write_table(table, unfinished / f"part-{part:03}.parquet")
    return unfinished.rename(place)


def make_model(data: Path, folder: Path) -> Path:
    """Train the model, unless it is there."""
    model = folder / "model"
    if not model.is_dir():
        subprocess.run([*_COMMAND, "train", data, "--output", model], check=True)
    return model


class Run:
    """A run of `predict`, and the memory of its processes.

    Args:
        model: The model folder.
        parts: The folder of the parts.
        output: The folder of the answers.
        more: Further words of the command.
        environment: Further variables.
    """

    def __init__(
        self,
        model: Path,
        parts: Path,
        output: Path,
        *more: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        words = ["predict", model, "--input", parts / "part-*.parquet", "--output", output]
        self.parts, self.output = parts, output
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [*_COMMAND, *map(str, words), "--keep-columns", *more],
            env={**os.environ, **(environment or {})},
        )

    def watch(self) -> Iterator[dict[str, float]]:
        """Yield the seconds, the memory and the number of whole parts until the process ends."""
        while self.process.poll() is None:
            yield {
                "seconds": round(self.seconds, 1),
                "memory_mb": round(sum(map(_memory, _family(self.process.pid))) / MEGABYTE, 1),
                "parts": self.whole_parts,
            }
            time.sleep(_WATCHED_EVERY)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.started

    @property
    def whole_parts(self) -> int:
        """How many there are."""
        return len(list(self.output.glob("part-*.parquet")))

    def wait_until(self, condition: Callable[[], Any]) -> Any:  # noqa: ANN401
        """Wait until a condition is true, and return its value.

        Raises:
            RuntimeError: If the process ends before.
        """
        while not (found := condition()):
            if self.process.poll() is not None:
                raise RuntimeError("predict ended before anything could be killed: take more rows")
            time.sleep(0.01)
        return found

    def end(self) -> None:
        """Wait for the end.

        Raises:
            RuntimeError: If it fails.
        """
        if self.process.wait() != 0:
            raise RuntimeError(f"predict ended with {self.process.returncode}")


def _family(pid: int) -> Iterator[int]:
    """A process and all that it has started."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from _family(int(child))


def _memory(pid: int) -> int:
    """Bytes of a process; of what it shares with others, its part."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def counted(output: Path, model: Path, rows: int) -> dict[str, int]:
    """Count rows that are missing, that are there twice, and that have a wrong answer.

    Args:
        output: The folder of the answers; those of its first and last file are checked.
        model: The model folder.
        rows: How many rows there should be.
    """
    files = sorted(output.glob("part-*.parquet"))
    keys = np.concatenate([parquet.read_table(file, columns=["key"])["key"] for file in files])
    times = np.bincount(keys, minlength=rows)
    engine, wrong = load(model), 0
    for file in (files[0], files[-1]):
        table = parquet.read_table(file)
        answers = engine.predict(table["text"].to_pylist())
        for row, answer in zip(table.to_pylist(), answers, strict=True):
            near = abs(row["score"] - answer.score) < 2e-6
            wrong += not (near and row["label"] == answer.label)
    return {"lost": int((times == 0).sum()), "twice": int((times > 1).sum()), "wrong": wrong}


def speed(model: Path, parts: Path, rows: int) -> Iterator[dict[str, Any]]:
    """Measure texts/s and memory with 1 and 2 workers, and draw the memory."""
    memory: dict[int, list[dict[str, float]]] = {}
    for workers in (1, 2):
        run = Run(model, parts, _fresh(parts, f"speed-{workers}"), "--threads", str(workers))
        seen = list(run.watch())
        seconds = run.seconds
        run.end()
        with (parts.parent / f"memory-{workers}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(seen[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(seen)
        memory[workers] = seen
        yield {
            "workers": workers,
            "texts_per_second": round(rows / seconds),
            "seconds": round(seconds, 1),
            "most_memory_mb_in_each_quarter": [
                float(quarter.max(initial=0))
                for quarter in np.array_split([one["memory_mb"] for one in seen], 4)
            ],
            **counted(run.output, model, rows),
        }

    (parts.parent / "memory.svg").write_bytes(render(partial(draw, memory), "svg"))


def draw(memory: Mapping[int, Sequence[Mapping[str, float]]], figure: Figure) -> None:
    """Draw the memory over the seconds, by the number of workers."""
    axes = figure.subplots()
    for workers, seen in memory.items():
        axes.plot(
            [one["seconds"] for one in seen],
            [one["memory_mb"] for one in seen],
            label=f"{workers} worker{'' if workers == 1 else 's'}",
        )
    axes.set(xlabel="seconds", ylabel="memory of all processes, MB", ylim=(0, None))
    axes.legend()


def kills(model: Path, parts: Path, rows: int) -> Iterator[dict[str, Any]]:
    """Kill `predict` when half of the parts are whole, and go on."""
    output = _fresh(parts, "kills")
    killed = Run(model, parts, output)
    killed.wait_until(lambda: killed.whole_parts >= PARTS // 2)
    killed.process.kill()
    killed.process.wait()
    whole = killed.whole_parts
    run = Run(model, parts, output)
    run.end()
    yield {"killed_after_parts": whole, "of": PARTS, **counted(run.output, model, rows)}


def on_ray(model: Path, parts: Path, rows: int) -> Iterator[dict[str, Any]]:
    """Kill a worker of a Ray cluster when half of the parts are whole."""
    import ray

    ray.init(
        object_store_memory=100 * 2**20,
        include_dashboard=False,
        logging_level=logging.ERROR,
        log_to_driver=False,
    )
    address = ray.get_runtime_context().gcs_address
    output = _fresh(parts, "ray")
    run = Run(model, parts, output, "--engine", "ray", environment={"RAY_ADDRESS": address})
    run.wait_until(lambda: run.whole_parts >= PARTS // 2)
    worker = run.wait_until(lambda: _writer(output))
    os.kill(worker, signal.SIGKILL)
    run.end()
    seconds = run.seconds
    yield {
        "workers_killed": 1,
        "seconds": round(seconds, 1),
        "texts_per_second": round(rows / seconds),
        **counted(run.output, model, rows),
    }
    ray.shutdown()


def _writer(output: Path) -> int | None:
    """A process that writes a part."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = os.readlink(link)
        except OSError:
            continue
        if target.startswith(f"{output}/.part-"):
            return int(link.parts[2])
    return None


def _fresh(parts: Path, name: str) -> Path:
    output = parts.parent / f"answers-{name}"
    shutil.rmtree(output, ignore_errors=True)
    return output


MEASUREMENTS: Final = {"speed": speed, "kills": kills, "ray": on_ray}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("measurement", choices=MEASUREMENTS)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    given = parser.parse_args()
    place = given.folder.resolve()
    trained, made = make_model(given.data, place), make_parts(given.data, place, given.rows)
    for result in MEASUREMENTS[given.measurement](trained, made, given.rows):
        facts = {"measurement": given.measurement, "rows": given.rows, **result}
        print(json.dumps({**facts, **asdict(look_around())}), flush=True)
