"""Out-of-scope scores: how well they tell texts of other kinds, beside the highest probability.

`small` is trained on one data set; its test texts are known. Unknown are test texts of the other
data sets, or of labels that were left out of the training. AUROC in percent: how often an unknown
text gets a higher score than a known one. Flagged: the share above 0.95, of known texts (5 is
meant) and of unknown ones; for the highest probability, the share of unknown texts below the
threshold that keeps 95 % of these known texts.

    python benchmarks/out_of_scope.py DATA --seeds 3     # measure what is missing
    python benchmarks/out_of_scope.py --table            # the rows as tables
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from conditions import HERE, Conditions, look_around
from records import Records, Row, grouped, newest
from wave_network.config import get_preset, override
from wave_network.data import TrainingData, read_splits
from wave_network.data.memory import from_memory, texts_from_memory
from wave_network.runtime import Engine
from wave_network.training.fit import fit
from wave_network.training.recipe import Recipe

OUTPUT: Final = HERE / "data" / "out_of_scope.csv"
SETS: Final = ("ag_news", "imdb", "dbpedia14", "zh_reviews")
MOST_TEXTS: Final = 4_000  # of a kind that is scored
BACKGROUND_TEXTS: Final = 3_000


class Case(NamedTuple):
    """What a model is trained on.

    Attributes:
        known: A data set.
        left_out: Labels of it that are not trained on, but are unknown texts.
        rows: How many training rows; 0: all.
        background: A data set whose training texts are background texts.
    """

    known: str
    left_out: tuple[int, ...] = ()
    rows: int = 0
    background: str = ""


CASES: Final = (
    *(Case(known) for known in SETS),
    *(Case("ag_news", (label,)) for label in (1, 2)),
    *(Case("dbpedia14", labels) for labels in ((1, 2, 4), (6, 7, 10), (11, 13))),
    *(Case(known, rows=1_000) for known in SETS[:3]),
    Case("ag_news", background="imdb"),
    Case("imdb", background="dbpedia14"),
    Case("dbpedia14", background="ag_news"),
)


@dataclass(frozen=True)
class Setting:
    """What a row measures.

    Attributes:
        known: The data set of the model.
        left_out: Labels that it was not trained on.
        rows: How many training rows; 0: all.
        background: The data set of the background texts, if any.
        unknown: The data set of the unknown texts, or `left out`.
        seed: Seed of the model and of the training rows.
    """

    known: str
    left_out: str
    rows: int
    background: str | None
    unknown: str
    seed: int


@dataclass(frozen=True)
class Found:
    """The measured percentages."""

    auroc: float
    auroc_probability: float
    flagged_known: float
    flagged: float
    flagged_probability: float


class Texts(NamedTuple):
    """Texts of a split with their labels."""

    texts: list[str]
    labels: NDArray[np.int64]

    def drawn(self, seed: int, most: int) -> Texts:
        """Draw some at random."""
        order = np.random.default_rng(seed).permutation(len(self.texts))[:most]
        return Texts([self.texts[place] for place in order], self.labels[order])

    def of(self, kept: NDArray[np.bool_]) -> Texts:
        """Select by a mask."""
        places = np.flatnonzero(kept)
        return Texts([self.texts[place] for place in places], self.labels[places])


def read(folder: Path) -> tuple[Texts, Texts]:
    """Read the training and the test texts of a data set."""
    splits = read_splits(str(folder))
    assert splits.test is not None
    train, test = (
        Texts(rows["text"][:], np.array(rows["label"][:])) for rows in (splits.train, splits.test)
    )
    return train, test


def measure(case: Case, data: Path, seed: int) -> Iterator[tuple[str, Found]]:
    """Train a model, and yield each kind of unknown texts with what was found."""
    train, test = read(data / case.known)
    out = np.isin(test.labels, case.left_out)
    train = train.of(~np.isin(train.labels, case.left_out))
    if case.rows:
        train = train.drawn(seed, case.rows)
    background = None
    if case.background:
        others = read(data / case.background)[0].drawn(seed, BACKGROUND_TEXTS)
        background = texts_from_memory(others.texts)
    preset = get_preset("small")
    rows = from_memory(train.texts, train.labels)
    recipe = Recipe(preset, override(preset.train, seed=seed))
    engine = Engine(fit(TrainingData(rows, background=background), recipe).files)
    known = scores(engine, test.of(~out).drawn(0, MOST_TEXTS))
    if case.left_out:
        yield "left out", compared(known, scores(engine, test.of(out)))
        return
    for name in SETS:
        if name != case.known:
            unknown = read(data / name)[1].drawn(0, MOST_TEXTS)
            yield name, compared(known, scores(engine, unknown))


def scores(engine: Engine, texts: Texts) -> NDArray[np.float64]:
    """Score texts by the out-of-scope score, and by 1 less the probability; (2, texts)."""
    found = engine.predict(texts.texts, out_of_scope=True)
    pairs = [(item.out_of_scope, 1 - item.score) for item in found]
    both: NDArray[np.float64] = np.array(pairs, np.float64).transpose()
    return both


def compared(known: NDArray[np.float64], unknown: NDArray[np.float64]) -> Found:
    """Compare the scores of known and of unknown texts."""
    threshold = np.quantile(known[1], 0.95)
    shares = (
        *(auroc(known[way], unknown[way]) for way in (0, 1)),
        *((one[0] > 0.95).mean() for one in (known, unknown)),
        (unknown[1] > threshold).mean(),
    )
    return Found(*(round(100 * float(share), 2) for share in shares))


def auroc(known: NDArray[np.float64], unknown: NDArray[np.float64]) -> float:
    """Return how often an unknown text has the higher score; a tie counts half."""
    ranks = rankdata(np.concatenate([known, unknown]))[len(known) :]
    pairs = len(known) * len(unknown)
    return float((ranks.sum() - len(unknown) * (len(unknown) + 1) / 2) / pairs)


def table(rows: Sequence[Row]) -> str:
    """The means over the seeds in Markdown."""
    head = (
        "| known | unknown | seeds | AUROC | by probability | known flagged | flagged |"
        " by probability |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    )
    lines = [head]
    for group in grouped(rows, ("known", "left_out", "rows", "background", "unknown")).values():
        first, names = group[0], Found.__dataclass_fields__
        means = {name: float(np.mean([row[name] for row in group])) for name in names}
        known = first["known"] + (f", {first['rows']:,} rows" if first["rows"] else "")
        known += f", background {first['background']}" if first["background"] else ""
        unknown = f"labels {first['left_out']}" if first["left_out"] else first["unknown"]
        figures = " | ".join(f"{means[name]:.1f}" for name in names)
        lines.append(f"| {known} | {unknown} | {len(group)} | {figures} |")
    return "\n".join(lines)


def main() -> None:
    """Measure what is missing, or print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, nargs="?", help="the folder of the four data sets")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    records = Records(arguments.output, (Conditions, Setting, Found))
    if arguments.table or arguments.data is None:
        key = ("known", "left_out", "rows", "background", "unknown")
        print(table(newest(records.read(), key)))
        return
    for case in CASES:
        for seed in range(arguments.seeds):
            left_out = " ".join(map(str, case.left_out))
            conditions = asdict(look_around())
            asked = {
                "commit": conditions["commit"],
                "known": case.known,
                "left_out": left_out or None,
                "rows": case.rows,
                "background": case.background or None,
                "seed": seed,
            }
            if records.find(asked) is not None:
                continue
            for unknown, found in measure(case, arguments.data, seed):
                setting = Setting(case.known, left_out, case.rows, case.background, unknown, seed)
                records.append({**conditions, **asdict(setting), **asdict(found)})
                print(setting, found, flush=True)


if __name__ == "__main__":
    main()
