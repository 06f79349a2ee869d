"""Few labels: ours beside what others use with few labels, an archive or pretrained vectors.

    python benchmarks/few_labels.py DATA                          # everything that is missing
    python benchmarks/few_labels.py DATA --sets imdb --models small,tfidf-bigram --per-class 8,64

DATA is the folder of the data sets. Of each, labelled texts are drawn from the training rows by a
seed, as many of each class; the archive is 20,000 training texts, without their labels and without
the labelled ones; a fixed sample of 3,000 test rows is predicted.

A data set and a model have a process of their own for all draws and sizes. What the CSV file has
from the same code and machine is not measured again. In the end the tables of all rows are printed
and the curves drawn.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np

from compare import numbers
from conditions import HERE, Conditions, answers_of_new_process, look_around
from few_labels_data import FewLabels
from few_labels_models import CACHED, MODELS, OURS
from few_labels_peers import Setup
from few_labels_tables import GROUP, draw, tables
from measure import score
from records import Records, Row, newest
from wave_network.persistence.atomic import replacing_file

OUTPUT: Final = HERE / "data" / "few_labels.csv"
PLOTS: Final = HERE.parent / "results" / "plots"
CACHE: Final = Path.home() / ".cache" / "wave-network-benchmarks"
SETS: Final = ("ag_news", "imdb", "dbpedia14")
SIZES: Final = (4, 8, 16, 64, 250, 1_000)

_PEERS_CODE: Final = (
    *(f"benchmarks/{name}.py" for name in ("few_labels_data", "few_labels_peers", "pretrained")),
    *("src/wave_network/baselines", "constraints.txt"),
)
_OUR_CODE: Final = ("benchmarks/few_labels_data.py", "benchmarks/models.py", "src")


@dataclass(frozen=True)
class Cell:
    """What is measured: the columns that identify a row.

    Attributes:
        data: Name of the data set.
        per_class: Labelled texts of each class.
        model: One of `few_labels_models.MODELS`.
        seed: Of the draw and of the model.
    """

    data: str
    per_class: int
    model: str
    seed: int


@dataclass(frozen=True)
class Measurement:
    """What was found.

    Attributes:
        train_rows: Labelled texts.
        unlabelled_rows: Texts of the archive that are not labelled, if the model takes them.
        threads: How many the model may use; None if times were not measured, like what follows.
        prepare_seconds: For what the model learns from the archive, once for all draws.
        train_seconds: From the texts to the model, without that.
        size_bytes: The model on disk.
    """

    train_rows: int
    unlabelled_rows: int
    test_rows: int
    classes: int
    accuracy: float
    macro_f1: float
    threads: int | None
    prepare_seconds: float | None
    train_seconds: float | None
    size_bytes: int


KINDS: Final = (Conditions, Cell, Measurement)
"""Dataclasses whose fields are the columns of the file."""


def main() -> None:
    """Measure what the file does not have yet; print the tables, and draw the curves."""
    options = parse()
    records = Records(options.output, KINDS)
    failed = []
    for data in options.sets:
        for model in options.models:
            wanted = missing(records, data, model, options)
            failed += measured(records, wanted, options) if wanted else []
    rows = newest(records.read(), GROUP)
    print(tables(rows))
    for name, content in draw(rows).items():
        with replacing_file(options.plots / name, overwrite=True) as file:
            file.write(content.decode())
    if failed:
        sys.exit(f"no row for {', '.join(failed)}: see above")


def parse() -> argparse.Namespace:
    """Read and check the command line."""
    summary, _, details = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=details, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", metavar="DATA", type=Path, help="the folder of the data sets")
    parser.add_argument("--sets", type=lambda value: value.split(","), default=list(SETS))
    parser.add_argument("--models", type=_models, default=list(MODELS))
    parser.add_argument("--per-class", type=numbers, default=list(SIZES), metavar="N[,N...]")
    parser.add_argument("--draws", type=int, default=5, help="seeds 0, 1, ...: how many")
    parser.add_argument("--threads", type=int, default=2, help="that a model may use")
    parser.add_argument("--cache", type=Path, default=CACHE, help="for the encoder's vectors")
    parser.add_argument(
        "--accuracy-only", action="store_true", help="no times: on a machine that does other work"
    )
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--plots", type=Path, default=PLOTS, help="folder of the drawings")
    options = parser.parse_args()
    try:
        Records(options.output, KINDS)
    except ValueError as error:
        parser.error(str(error))
    return options


def missing(
    records: Records, data: str, model: str, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """The rows of a data set and a model that the file lacks, with conditions, unmeasured."""
    conditions = asdict(look_around(_OUR_CODE if model in OURS else _PEERS_CODE))
    rows = []
    for per_class in options.per_class:
        for seed in range(options.draws):
            cell = Cell(data, per_class, model, seed)
            row = conditions | asdict(cell)
            same = ("commit", "machine", "cores", *asdict(cell))
            found = records.find({name: row[name] for name in same})
            wants_times = not options.accuracy_only and model not in CACHED
            if found is None or (wants_times and found["threads"] != options.threads):
                rows.append(row)
    return rows


def measured(records: Records, rows: Sequence[Row], options: argparse.Namespace) -> list[str]:
    """Measure rows in a process of their own, and add them; the names of those that failed."""
    first = rows[0]
    print(f"{first['data']}, {first['model']}: {len(rows)}", file=sys.stderr, flush=True)
    timed = not options.accuracy_only and first["model"] not in CACHED
    # Threads that wait for each other waste a busy machine, on which no times are measured.
    task: dict[str, Any] = {
        "path": str(options.data / first["data"]),
        "cache": str(options.cache),
        "threads": 1 if options.accuracy_only else options.threads,
        "timed": timed,
        "cells": [{name: row[name] for name in Cell.__dataclass_fields__} for row in rows],
    }
    done = 0
    for answer in answers_of_new_process(Path(__file__), task, threads=task["threads"]):
        records.append(rows[done] | answer)
        done += 1
    return [
        f"{row['model']} on {row['data']}, {row['per_class']} a class (seed {row['seed']})"
        for row in rows[done:]
    ]


def measure(task: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Train and test a model on every cell of a task, in this process."""
    cells = [Cell(**cell) for cell in task["cells"]]
    data, timed, threads = FewLabels(task["path"]), task["timed"], task["threads"]
    model = MODELS[cells[0].model](Setup(data.archive, Path(task["cache"]), threads))
    for module in model.imports:
        import_module(module)
    start = time.perf_counter()
    model.prepare()
    prepare_seconds = time.perf_counter() - start
    for cell in cells:
        labelled = data.draw(cell.per_class, cell.seed)
        unlabelled = data.unlabelled(labelled) if model.semi_supervised else np.empty(0, np.intp)
        start = time.perf_counter()
        model.fit(labelled, unlabelled, cell.seed)
        train_seconds = time.perf_counter() - start
        accuracy, macro_f1 = score(model.predict(data.test.texts), data.test.labels, 0.0)
        yield asdict(
            Measurement(
                train_rows=len(labelled.texts),
                unlabelled_rows=len(unlabelled),
                test_rows=len(data.test.texts),
                classes=len(data.classes),
                accuracy=round(accuracy, 5),
                macro_f1=round(macro_f1, 5),
                threads=threads if timed else None,
                prepare_seconds=round(prepare_seconds, 3) if timed else None,
                train_seconds=round(train_seconds, 3) if timed else None,
                size_bytes=model.size_bytes(),
            )
        )


def _models(value: str) -> list[str]:
    names = value.split(",")
    for name in names:
        if name not in MODELS:
            raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(MODELS)}")
    return names


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        for answer in measure(json.loads(sys.argv[2])):
            print(json.dumps(answer), flush=True)
    else:
        main()
