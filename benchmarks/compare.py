"""Check, train and time Wave Network and its peers side by side, on the same files and threads.

    python benchmarks/compare.py DATA [DATA ...] --models fasttext-bigram,tfidf-bigram,small
    python benchmarks/compare.py DATA --per-class 8,64,1000 --models small,tfidf-unigram

A model is a baseline's name, or a preset, optionally with `:modulation` or `:interference`. First
our models' predictions are checked (`check.py`); if a check fails, nothing is timed and the exit
code is 1. Then every model and seed gets a process of its own, seed by seed, so that a machine that
slows down slows all models alike. A row is added to the CSV file only if the model classifies every
test text and, trained on all training texts, is clearly better than chance. What the file has from
the same code, machine and options is not measured again. At the end the terminal shows a
leaderboard; `plots.py` draws it. `measure.py` says what is timed, and how.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

from conditions import HERE, in_new_process, look_around
from measure import KINDS, OUTPUT, Cell
from models import MODELS, SLOW, WAVES, preferred_tokenizer
from records import Records, Row, newest
from tables import GROUP, leaderboards

_DEFAULT: Final = [name for name in MODELS if name not in SLOW and ":" not in name]


def main() -> None:
    """Check, measure what the file does not have yet, print the leaderboard."""
    options = parse()
    records = Records(options.output, KINDS)
    check(options)
    rows: list[Row] = []
    failed: list[str] = []
    for cell in cells(options):
        row = measured(records, cell, again=options.again, accuracy_only=options.accuracy_only)
        if row is None:
            failed.append(f"{cell.model} on {cell.data} (seed {cell.seed})")
        else:
            rows.append(row)
    print(leaderboards(newest(rows, GROUP)))
    if failed:
        sys.exit(f"no row for {', '.join(failed)}: see above")


def parse() -> argparse.Namespace:
    """Read and check the command line."""
    summary, _, details = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=details, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "data", metavar="DATA", nargs="+", help="as for wave-network train, with a test split"
    )
    parser.add_argument(
        "--models",
        type=_models,
        default=_DEFAULT,
        help=f"with commas between them (default: all but the slow, {', '.join(SLOW)})",
    )
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0, 1, ...: how many")
    parser.add_argument("--threads", type=int, default=2, help="that a model may use")
    parser.add_argument(
        "--per-class",
        type=numbers,
        default=[None],
        metavar="N[,N...]",
        help="draw this many training texts of each class, by the seed (default: take all)",
    )
    parser.add_argument("--max-length", type=int, help="most tokens of a text, for wave models")
    parser.add_argument("--epochs", type=int, help="for wave models")
    parser.add_argument("--tokenizer", help="a copy of what the paper preset takes from the Hub")
    parser.add_argument("--again", action="store_true", help="measure again what is in the file")
    parser.add_argument(
        "--accuracy-only",
        action="store_true",
        help="measure neither times nor memory: on a machine that does other work, too",
    )
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    if min(options.seeds, options.threads) < 1:
        parser.error("--seeds and --threads must be at least 1")
    try:
        Records(options.output, KINDS)
    except ValueError as error:
        parser.error(str(error))
    return options


def check(options: argparse.Namespace) -> None:
    """Check our models' answers on each data set, in a process of its own.

    Raises:
        SystemExit: If one of them is wrong.
    """
    waves = [name for name in options.models if name in WAVES]
    if not waves:
        return
    for data in options.data:
        command = [sys.executable, str(HERE / "check.py"), data, "--models", ",".join(waves)]
        if options.tokenizer:
            command += ["--tokenizer", options.tokenizer]
        if subprocess.run(command, stdout=sys.stderr).returncode != 0:
            sys.exit(f"the check on {data} failed, see above: nothing was timed")


def cells(options: argparse.Namespace) -> Iterator[Cell]:
    """What to measure, in order."""
    for data in options.data:
        for per_class in options.per_class:
            for seed in range(options.seeds):
                for model in options.models:
                    wave = model in WAVES
                    yield Cell(
                        data=data,
                        per_class=per_class,
                        model=model,
                        seed=seed,
                        threads=options.threads,
                        epochs=options.epochs if wave else None,
                        max_length=options.max_length if wave else None,
                        tokenizer=options.tokenizer if preferred_tokenizer(model) else None,
                    )


def measured(
    records: Records, cell: Cell, *, again: bool, accuracy_only: bool = False
) -> Row | None:
    """The row of a cell, from the file or measured now; None if that failed."""
    conditions = asdict(look_around())
    names = {"data": Path(cell.data).name}
    if cell.tokenizer:
        names["tokenizer"] = Path(cell.tokenizer).name
    row = conditions | asdict(cell) | names
    words = [row["data"], cell.model, f"seed {cell.seed}"]
    if cell.per_class is not None:
        words.append(f"{cell.per_class} a class")
    same = ("commit", "machine", "cores", *asdict(cell))
    found = None if again else records.find({name: row[name] for name in same})
    if found and found["train_seconds"] is None and not accuracy_only:
        found = None
    print(", ".join([*words, "in the file"] if found else words), file=sys.stderr, flush=True)
    if found:
        return found
    task = asdict(cell) | {"accuracy_only": accuracy_only}
    measurement = in_new_process(HERE / "measure.py", task, threads=cell.threads)
    if measurement is None:
        return None
    row |= measurement
    records.append(row)
    return row


def _models(value: str) -> list[str]:
    names = value.split(",")
    for name in names:
        if name not in MODELS:
            raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(MODELS)}")
    return names


def numbers(value: str) -> list[int]:
    """Whole numbers from 2, with commas between them, as an option of a command line gives them.

    Raises:
        argparse.ArgumentTypeError: If the value is anything else.
    """
    try:
        found = [int(number) for number in value.split(",")]
    except ValueError:
        found = [0]
    if min(found) < 2:
        raise argparse.ArgumentTypeError(f"{value!r} is not a list of whole numbers from 2")
    return found


if __name__ == "__main__":
    main()
