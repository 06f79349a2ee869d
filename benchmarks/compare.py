"""Train and time Wave Network and its peers side by side, on the same files and threads.

    python benchmarks/compare.py DATA --models fasttext-bigram,tfidf-bigram,small,paper:interference

A model is a baseline's name, or a preset, if wanted with `:modulation` or `:interference`. Every
model and seed gets a process of its own, seed by seed, so that a machine that slows down slows all
models alike. A row is added to the CSV file only if the model answers every test text and is
clearly better than chance; a Markdown table of this run's rows goes to the terminal.

What is timed, with the libraries imported and the texts in memory: training, up to a model in
memory; predicting the labels of the test texts in one call, the median of three. Wave models
predict with the torch-free engine, from their saved folder. `peak_mb` is the whole process's peak
memory; `start_mb` of it, the libraries and the texts, was there before training.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timezone
from functools import cached_property
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import TYPE_CHECKING, Any, Final, get_args

from wave_network.baselines import BASELINES, Baseline
from wave_network.config import PRESETS, Label, Operation

# Nothing heavy is imported here: a worker's peak memory counts from its parent's size.
if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wave_network.runtime import Engine

HERE: Final = Path(__file__).resolve().parent
MODELS: Final = (
    *BASELINES,
    *PRESETS,
    *(f"{preset}:{operation}" for preset in PRESETS for operation in get_args(Operation)),
)
THREAD_VARIABLES: Final = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
BETTER_THAN_CHANCE: Final = 1.5
MEGABYTE: Final = 1_000_000

Row = dict[str, Any]


@dataclass(frozen=True)
class Conditions:
    """Where and how a model was run: the first columns of a row."""

    date: str
    commit: str
    wave_network: str
    python: str
    torch: str
    scikit_learn: str
    fasttext: str
    cores: int
    memory_gb: float
    load: float
    threads: int
    data: str
    model: str
    seed: int
    epochs: int | None
    max_length: int | None
    tokenizer: str | None


@dataclass(frozen=True)
class Measurement:
    """What a worker finds out: the other columns of a row."""

    train_rows: int
    test_rows: int
    classes: int
    accuracy: float
    macro_f1: float
    train_seconds: float
    predict_seconds: float
    texts_per_second: float
    start_mb: float
    peak_mb: float
    parameters: int
    size_bytes: int


COLUMNS: Final = [item.name for kind in (Conditions, Measurement) for item in fields(kind)]


class Wave:
    """A preset of `WaveClassifier` as if it were a baseline; it predicts from its saved folder."""

    def __init__(self, name: str, seed: int, options: argparse.Namespace) -> None:
        from wave_network import WaveClassifier

        preset, _, operation = name.partition(":")
        self._classifier = WaveClassifier(
            preset=preset,
            operation=operation or None,
            tokenizer=tokenizer(options, name),
            seed=seed,
            epochs=options.epochs,
            max_length=options.max_length,
            device="cpu",
        )

    def fit(self, texts: Sequence[str], labels: Sequence[Label]) -> Wave:
        """Train."""
        self._classifier.fit(texts, labels)
        return self

    def predict(self, texts: Sequence[str]) -> NDArray[Any]:
        """The most probable label of each text."""
        import numpy as np

        best = self._engine.predict_proba(texts).argmax(axis=1)
        labels: NDArray[Any] = np.array(self._engine.labels)[best]
        return labels

    def num_parameters(self) -> int:
        """All trained parameters."""
        from wave_network.model_folder import parameter_counts

        return parameter_counts(self._engine.config)["total"]

    def size_bytes(self) -> int:
        """Bytes of the model folder."""
        return self._saved[1]

    @property
    def _engine(self) -> Engine:
        return self._saved[0]

    @cached_property
    def _saved(self) -> tuple[Engine, int]:
        from wave_network import load
        from wave_network.model_folder import size_bytes

        with tempfile.TemporaryDirectory() as parent:
            folder = Path(parent, "model")
            self._classifier.save(folder)
            return load(folder), size_bytes(folder)


def main() -> None:
    """Run every model and seed in a worker, collect the rows, print the table."""
    options = parse()
    if options.worker:
        model, seed = options.worker
        print(json.dumps(asdict(measure(options, model, int(seed)))))
        return
    rows: list[Row] = []
    failed: list[str] = []
    for seed in range(options.seeds):
        for model in options.models:
            print(f"{model}, seed {seed}", file=sys.stderr, flush=True)
            conditions = asdict(look_around(options, model, seed))
            measurement = run_worker(options, model, seed)
            if measurement is None:
                failed.append(f"{model} (seed {seed})")
                continue
            rows.append(conditions | measurement)
            append(options.output, rows[-1])
    if rows:
        print(table(rows))
    if failed:
        sys.exit(f"no row for {', '.join(failed)}: see above")


def parse() -> argparse.Namespace:
    """Read and check the command line."""
    summary, _, details = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=details, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", metavar="DATA", help="as for wave-network train, with a test split")
    parser.add_argument(
        "--models",
        type=_models,
        default=[*BASELINES, "small"],
        help="with commas between them (default: all baselines, and small)",
    )
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0, 1, ...: how many")
    parser.add_argument("--threads", type=int, default=2, help="that a model may use")
    parser.add_argument("--max-length", type=int, help="tokens that Wave models read of a text")
    parser.add_argument("--epochs", type=int, help="of Wave models")
    parser.add_argument("--tokenizer", help="a copy of what the paper preset takes from the Hub")
    parser.add_argument("--output", type=Path, default=HERE / "data" / "compare.csv")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if min(options.seeds, options.threads) < 1:
        parser.error("--seeds and --threads must be at least 1")
    if options.output.exists() and _header(options.output) != COLUMNS:
        parser.error(f"{options.output} has other columns: name another --output")
    return options


def look_around(options: argparse.Namespace, model: str, seed: int) -> Conditions:
    """Note the conditions of the run that follows."""
    wave = model not in BASELINES
    own_tokenizer = tokenizer(options, model)
    return Conditions(
        date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        commit=_commit(),
        wave_network=_version("wave-network"),
        python=python_version(),
        torch=_version("torch"),
        scikit_learn=_version("scikit-learn"),
        fasttext=_version("fasttext-wheel"),
        cores=os.cpu_count() or 0,
        memory_gb=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        load=round(os.getloadavg()[0], 2),
        threads=options.threads,
        data=Path(options.data).name,
        model=model,
        seed=seed,
        epochs=options.epochs if wave else None,
        max_length=options.max_length if wave else None,
        tokenizer=Path(own_tokenizer).name if own_tokenizer else None,
    )


def tokenizer(options: argparse.Namespace, model: str) -> str | None:
    """The tokenizer given for the presets that would take theirs from the Hub."""
    preset = PRESETS.get(model.partition(":")[0])
    given: str | None = options.tokenizer
    return given if preset and preset.tokenizer else None


def run_worker(options: argparse.Namespace, model: str, seed: int) -> Row | None:
    """Measure in a new process; None if it failed, having said why on stderr."""
    threads = str(options.threads)
    command = [sys.executable, __file__, options.data, "--worker", model, str(seed)]
    command += ["--threads", threads]
    for option in ("epochs", "max_length", "tokenizer"):
        value = getattr(options, option)
        if value is not None:
            command += [f"--{option.replace('_', '-')}", str(value)]
    environment = os.environ | dict.fromkeys(THREAD_VARIABLES, threads)
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        return None
    measurement: Row = json.loads(done.stdout.splitlines()[-1])
    return measurement


def measure(options: argparse.Namespace, name: str, seed: int) -> Measurement:
    """Train a model in this process; time and check its answers."""
    from wave_network.data import read_splits

    splits = read_splits(options.data)
    if splits.test is None:
        sys.exit(f"{options.data} has no test split")
    train, test = splits.train[:], splits.test[:]
    model = make(options, name, seed)
    start_mb = _peak_mb()

    start = time.perf_counter()
    model.fit(train["text"], train["label"])
    train_seconds = time.perf_counter() - start

    model.predict(test["text"][:1])
    times = []
    for _ in range(3):
        start = time.perf_counter()
        predicted = model.predict(test["text"])
        times.append(time.perf_counter() - start)
    predict_seconds = statistics.median(times)
    peak_mb = _peak_mb()

    classes = len(set(train["label"]))
    accuracy, macro_f1 = score(predicted, test["label"], classes)
    return Measurement(
        train_rows=len(train["text"]),
        test_rows=len(test["text"]),
        classes=classes,
        accuracy=round(accuracy, 5),
        macro_f1=round(macro_f1, 5),
        train_seconds=round(train_seconds, 3),
        predict_seconds=round(predict_seconds, 4),
        texts_per_second=round(len(test["text"]) / predict_seconds, 1),
        start_mb=round(start_mb, 1),
        peak_mb=round(peak_mb, 1),
        parameters=model.num_parameters(),
        size_bytes=model.size_bytes(),
    )


def make(options: argparse.Namespace, name: str, seed: int) -> Baseline:
    """Make a model, and import what it will use, so that training is timed without it."""
    if name not in BASELINES:
        # The first optimizer that torch makes loads `torch._dynamo`, in a second or more.
        for module in ("accelerate", "torch._dynamo", "wave_network.training.fit"):
            import_module(module)
        return Wave(name, seed, options)
    if name.startswith("fasttext"):
        import_module("fasttext")
    else:
        for module in ("feature_extraction.text", "pipeline", "svm"):
            import_module(f"sklearn.{module}")
    return BASELINES[name](seed=seed, threads=options.threads)


def score(
    predicted: Sequence[Label] | NDArray[Any], labels: Sequence[Label], classes: int
) -> tuple[float, float]:
    """Accuracy and macro F1 of answers that are worth timing.

    Raises:
        SystemExit: If answers are missing, or hardly better than chance.
    """
    from sklearn.metrics import accuracy_score, f1_score

    if len(predicted) != len(labels):
        sys.exit(f"{len(predicted)} predictions for {len(labels)} texts")
    accuracy = float(accuracy_score(labels, predicted))
    if accuracy < BETTER_THAN_CHANCE / classes:
        sys.exit(f"accuracy {accuracy:.4f} with {classes} classes: hardly better than chance")
    return accuracy, float(f1_score(labels, predicted, average="macro", zero_division=0))


def append(path: Path, row: Row) -> None:
    """Add a row to the CSV file, which is made if it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def table(rows: Sequence[Row]) -> str:
    """Mean and range over the seeds of each model, in Markdown."""
    by_model: dict[str, list[Row]] = {}
    for row in rows:
        by_model.setdefault(row["model"], []).append(row)
    first = rows[0]
    lines = [
        f"{first['data']}: {first['train_rows']:,} training and {first['test_rows']:,} test texts;"
        f" {first['threads']} of {first['cores']} cores, {first['memory_gb']} GB memory;"
        f" commit {first['commit']}.",
        "",
        "| model | seeds | accuracy | macro F1 | train s | texts/s | peak MB | parameters | MB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for model, group in by_model.items():
        cells = (
            model,
            str(len(group)),
            _spread(group, "accuracy", ".2%"),
            _spread(group, "macro_f1", ".2%"),
            _spread(group, "train_seconds", ".1f"),
            _spread(group, "texts_per_second", ",.0f"),
            _spread(group, "peak_mb", ",.0f"),
            _spread(group, "parameters", ",.0f"),
            _spread(group, "size_bytes", ",.1f", MEGABYTE),
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        "Mean over the seeds (lowest–highest). Peak MB: the whole process, with its libraries and"
        " the texts. MB: the model on disk. Baselines train on every training text; Wave models"
        " hold some of them out to validate on. fastText predicts, and scikit-learn trains and"
        " predicts, with one thread.",
    ]
    return "\n".join(lines)


def _spread(rows: Sequence[Row], column: str, form: str, unit: int = 1) -> str:
    values = [row[column] / unit for row in rows]
    mean, low, high = (format(choose(values), form) for choose in (statistics.mean, min, max))
    return mean if low == high else f"{mean} ({low}–{high})"


def _models(value: str) -> list[str]:
    names = value.split(",")
    for name in names:
        if name not in MODELS:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(MODELS)}")
    return names


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file), [])


def _commit() -> str:
    command = ["git", "-C", str(HERE), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / MEGABYTE * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
