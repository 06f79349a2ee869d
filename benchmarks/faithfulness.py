"""Measure how faithful explanations are, and what they cost: the deletion test.

    python benchmarks/faithfulness.py MODEL DATA [--part test] [--texts 2000]

Of each text, the fifth of its tokens that speaks most for the true class is removed, by their ids,
the others keep their order, and the drop in the true class's probability is measured. Which tokens
those are is said by integrated gradients (ours), by leave-one-out (the drop in the log-odds when
one token is removed, by predicting the text without it), by the energy shares, or by chance.

`--part validation` takes the training rows that the model held out: choose by these; the test part
gives the final figure. A row for each method is added to the CSV file, and a Markdown table goes to
the terminal.

Times are CPU times of one thread, per text, with the ids known to both. Leave-one-out predicts all
shortened forms of a text in one call; *one by one*: each in a call of its own. Ours explains 64
texts a call; *one by one*: one text a call. Set OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wave_network import load
from wave_network.data import column, labelling_of, read_splits
from wave_network.models.attribution import attribute, token_energies
from wave_network.models.gradients import log_odds
from wave_network.models.numpy_ops import softmax
from wave_network.persistence.folder import read_model
from wave_network.runtime import Engine

HERE: Final = Path(__file__).resolve().parent
REMOVED: Final = 0.2
FEWEST_TOKENS: Final = 5
AT_ONCE: Final = 64
TIMED_TEXTS: Final = 192

Ids = NDArray[np.int32]
Scores = NDArray[np.floating]


class Removals:
    """A model's answers to texts with tokens removed.

    Args:
        engine: The model; the deletion test does not suit sentence levels.
    """

    def __init__(self, engine: Engine) -> None:
        if engine.config.reads_sentences:
            raise SystemExit("a model that reads sentences cannot be measured")
        self.network = engine._network
        self.random = np.random.default_rng(0)

    def logits(self, rows: list[Ids]) -> NDArray[np.float32]:
        """Of texts given as ids, (texts, labels)."""
        return self.network.logits(np.concatenate(rows), np.cumsum([0, *map(len, rows)]))

    def integrated_gradients(self, texts: list[Ids], labels: list[int]) -> list[Scores]:
        """Our scores of all tokens but [CLS], for each text."""
        found: list[Scores] = []
        for start in range(0, len(texts), AT_ONCE):
            rows = texts[start : start + AT_ONCE]
            offsets = np.cumsum([0, *map(len, rows)])
            of_rows = np.array(labels[start : start + AT_ONCE])
            scores = attribute(self.network, np.concatenate(rows), offsets, label=of_rows).tokens
            found += [row[1:] for row in np.split(scores, offsets[1:-1])]
        return found

    def leave_one_out(self, ids: Ids, label: int, *, one_by_one: bool = False) -> Scores:
        """How much the log-odds fall without each token but [CLS]."""
        rows = [np.delete(ids, place) for place in range(1, len(ids))]
        if one_by_one:
            logits = np.concatenate([self.logits([row]) for row in rows])
        else:
            logits = self.logits(rows)
        return -log_odds(logits, np.full(len(rows), label))

    def energies(self, ids: Ids) -> Scores:
        """The energy shares of all tokens but [CLS]."""
        return token_energies(self.network, ids, np.array([0, len(ids)]))[1:]

    def drop(self, ids: Ids, label: int, scores: Scores) -> float:
        """The fall of the label's probability without the tokens of the highest scores."""
        removed = max(1, round(REMOVED * len(scores)))
        top = 1 + np.argsort(-scores, kind="stable")[:removed]
        with_all, without = softmax(self.logits([ids, np.delete(ids, top)]))[:, label]
        return float(with_all) - float(without)


def rows_of(options: argparse.Namespace) -> tuple[list[str], list[int]]:
    """The texts to measure and their classes: chosen by chance, the same ones every time."""
    splits, files = read_splits(options.data), read_model(options.model)
    labelling = labelling_of(files.config)
    if options.part == "test":
        rows = splits.test
    else:
        training, targets = files.training, labelling.encode(splits.train["label"])
        _, held_out = labelling.split(targets, training["validation_fraction"], training["seed"])
        rows = splits.train.select(held_out)
    if rows is None:
        raise SystemExit(f"{options.data} has no test part")
    chosen = np.random.default_rng(0).permutation(len(rows))[: options.texts]
    rows = rows.select(np.sort(chosen))
    return list(column(rows, "text")), labelling.encode(rows["label"]).tolist()


def cpu_time(work: Callable[[], Any]) -> float:
    """Seconds of this thread: the shortest of three runs."""
    times = []
    for _ in range(3):
        started = time.thread_time()
        work()
        times.append(time.thread_time() - started)
    return min(times)


def measured_times(removals: Removals, texts: list[Ids], labels: list[int]) -> dict[str, float]:
    """Microseconds a text of our explanations and of leave-one-out."""
    texts, labels = texts[:TIMED_TEXTS], labels[:TIMED_TEXTS]
    ours, pairs = removals.integrated_gradients, list(zip(texts, labels, strict=True))
    one_by_one = pairs[: len(pairs) // 8]
    seconds = {
        "ours": cpu_time(lambda: ours(texts, labels)) / len(texts),
        "ours, one by one": cpu_time(lambda: [ours([ids], [k]) for ids, k in pairs]) / len(texts),
        "leave-one-out": cpu_time(lambda: [removals.leave_one_out(*pair) for pair in pairs])
        / len(texts),
        "leave-one-out, one by one": cpu_time(
            lambda: [removals.leave_one_out(*pair, one_by_one=True) for pair in one_by_one]
        )
        / len(one_by_one),
    }
    return {name: 1e6 * value for name, value in seconds.items()}


def measured_drops(removals: Removals, texts: list[Ids], labels: list[int]) -> dict[str, Scores]:
    """The drop in the true class's probability of every text, by each method."""
    drops: dict[str, list[float]] = {}
    scored = removals.integrated_gradients(texts, labels)
    for ids, label, ours in zip(texts, labels, scored, strict=True):
        methods = {
            "ours": ours,
            "leave-one-out": removals.leave_one_out(ids, label),
            "energy": removals.energies(ids),
            "random": removals.random.random(len(ours)),
        }
        for name, scores in methods.items():
            drops.setdefault(name, []).append(removals.drop(ids, label, scores))
    return {name: np.array(values) for name, values in drops.items()}


def main() -> None:
    """Measure, print a table, and keep the rows."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("model", help="a model folder")
    parser.add_argument("data", help="the data that the model was trained on")
    parser.add_argument("--part", choices=("test", "validation"), default="test")
    parser.add_argument("--texts", type=int, default=2_000, help="at most so many, by chance")
    parser.add_argument("--csv", type=Path, default=HERE / "data" / "faithfulness.csv")
    options = parser.parse_args()
    engine = load(options.model)
    texts, labels = rows_of(options)
    ids, offsets = engine.tokenizer.encode(texts)
    pairs = [
        (row, label)
        for row, label in zip(np.split(ids, offsets[1:-1]), labels, strict=True)
        if len(row) > FEWEST_TOKENS
    ]
    rows, classes = [row for row, _ in pairs], [label for _, label in pairs]
    removals = Removals(engine)
    drops = measured_drops(removals, rows, classes)
    times = measured_times(removals, rows, classes)
    report(options, drops, times, tokens=float(np.mean([len(row) - 1 for row in rows])))


def report(
    options: argparse.Namespace, drops: dict[str, Scores], times: dict[str, float], tokens: float
) -> None:
    """Print the table, and add the rows to the file."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True
    ).stdout.strip()
    files = read_model(options.model)
    print(f"| {Path(options.data).name}, {options.part} | drop | us a text | one by one |")
    print("| --- | ---: | ---: | ---: |")
    records = []
    for name, values in drops.items():
        error = values.std() / len(values) ** 0.5
        batch, single = times.get(name, 0.0), times.get(f"{name}, one by one", 0.0)
        print(f"| {name} | {values.mean():.4f} ± {error:.4f} | {batch:,.0f} | {single:,.0f} |")
        records.append(
            {
                "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
                "commit": commit,
                "data": Path(options.data).name,
                "part": options.part,
                "preset": files.preset,
                "seed": files.training["seed"],
                "texts": len(values),
                "tokens": f"{tokens:.1f}",
                "method": name,
                "drop": f"{values.mean():.5f}",
                "standard_error": f"{error:.5f}",
                "microseconds": f"{batch:.1f}" if batch else "",
                "one_by_one": f"{single:.1f}" if single else "",
            }
        )
    is_new = not options.csv.exists()
    with options.csv.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(records[0]), lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerows(records)


if __name__ == "__main__":
    main()
