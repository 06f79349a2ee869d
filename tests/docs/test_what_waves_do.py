"""The researchers' page: every figure of its tables follows from the committed rows."""

import csv
import statistics
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the experiments need torch")

from rich.console import Console

from wave_network.experiments import ablation, accuracy, baselines, complexity_tables, curves
from wave_network.experiments.complexity_tables import crossing
from wave_network.experiments.costs import FIRST, FUSED, TEXTBOOK, WAVE
from wave_network.experiments.statistics import from_hex, paired_bootstrap
from wave_network.experiments.study import Options, Study, grouped

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "what-waves-do.md"
SETS = {"ag_news": "AG News", "dbpedia14": "DBpedia14", "imdb": "IMDB"}
PARTS = ("waves_accuracy", "linear_accuracy", "accuracy")
AGAINST = (
    ("phase-blind", ("ag_news",)),
    ("bag", ("ag_news",)),
    ("wave-interference", tuple(SETS)),
    ("fasttext-unigram", ("ag_news",)),
    ("fasttext-bigram", ("ag_news",)),
    ("tfidf-bigram", ("ag_news",)),
    ("transformer, rate 1e-3", tuple(SETS)),
    ("transformer, best rate", tuple(SETS)),
    ("bert", ("ag_news",)),
)


@pytest.fixture(scope="module")
def study():
    """The committed runs."""
    return Study(Options(output=ROOT / "results" / "papers"), Console(quiet=True))


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text(encoding="utf-8")


def differences(study):
    """How much more accurate modulation is than another model, a row of the table each."""
    waves = [row for row in baselines.comparable(study) if not row["model"].startswith("wave-")]
    rows = [*study.rows(accuracy.NAME), *waves]
    for other, datasets in AGAINST:
        for dataset in datasets:
            groups = grouped([row for row in rows if row["dataset"] == dataset], ("training_rows",))
            count, group = max(
                (count, group)
                for (count,), group in groups.items()
                if any(row["model"] == other for row in group)
            )
            one, two = (
                [from_hex(row["_correct"]) for row in group if row["model"] == name]
                for name in ("wave-modulation", other)
            )
            low_high = [f"{100 * value:+.2f}" for value in paired_bootstrap(one, two)]
            seeds = len(two)
            yield (
                f"| {other} | {SETS[dataset]} | {count:,} | {seeds} |"
                f" {low_high[0]} ({low_high[1]} to {low_high[2]}) |"
            )


def decomposition():
    """The accuracy of each part of a preset with the other one silenced, a row each."""
    with (ROOT / "benchmarks" / "data" / "compare.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["waves_accuracy"]]
    for preset in ("small", "tiny", "large"):
        for name, words in SETS.items():
            seeds = {
                row["seed"]: row for row in rows if (row["model"], row["data"]) == (preset, name)
            }
            if seeds:
                means = [
                    f"{100 * statistics.mean(float(row[part]) for row in seeds.values()):.2f}"
                    for part in PARTS
                ]
                yield f"| `{preset}` | {words} | {' | '.join(means)} |"


def epochs(study):
    """Where each model's curve is best, and how far it falls, a row each."""
    rows = curves.longest(study.rows(curves.NAME))
    for (model, count), group in grouped(rows, ("model", "training_rows")).items():
        best = max(group, key=lambda row: row["validation_accuracy"])
        losses = [row["validation_loss"] for row in group]
        peak, end = (100 * row["validation_accuracy"] for row in (best, group[-1]))
        yield (
            f"| {model} | {count:,} | {len(group)} | {peak:.2f} (epoch {best['epoch']}) |"
            f" {end:.2f} | {min(losses):.2f} | {losses[-1]:.2f} |"
        )


def choices(study):
    """What each choice that the papers leave open is worth, a row each."""
    rows = study.rows(ablation.NAME)
    assert len({row["training_rows"] for row in rows}) == 1
    groups = ablation.by_change(rows)
    reference = groups.pop("reference")
    correct = [from_hex(row["_correct"]) for row in reference]
    validation = statistics.mean(row["validation_accuracy"] for row in reference)
    for name, group in groups.items():
        found = paired_bootstrap([from_hex(row["_correct"]) for row in group], correct)
        difference, low, high = (f"{100 * value:+.2f}" for value in found)
        gain = statistics.mean(row["validation_accuracy"] for row in group) - validation
        yield f"| {name} | {len(group)} | {difference} ({low} to {high}) | {100 * gain:+.2f} |"


def lengths(study):
    """From which length on attention costs more than waves, a row each."""
    rows = [row for row in study.rows("complexity") if row["part"] == "length"]
    longest = max(row["longest"] for row in rows)
    by_model = {
        model: {row["length"]: row for row in group}
        for (model,), group in grouped(
            [row for row in rows if row["longest"] == longest], ("model",)
        ).items()
    }
    for wave in (WAVE, TEXTBOOK):
        for other in ("transformer", FUSED, FIRST):
            cells = []
            for column in ("flops_predicted", "bytes_predicted", "seconds"):
                one, two = (
                    {n: row[column] for n, row in by_model[name].items() if row.get(column)}
                    for name in (wave, other)
                )
                sizes = sorted(one.keys() & two.keys())
                found = crossing(sizes, [one[n] for n in sizes], [two[n] for n in sizes])
                times = two[sizes[-1]] / one[sizes[-1]]
                start = (
                    "never"
                    if found is None
                    else "always"
                    if found == sizes[0]
                    else f"from {found:,.0f}"
                )
                factor = f"{times:,.0f}" if times >= 10 else f"{times:.2g}"
                cells.append(f"{start}; {factor} times at {sizes[-1]:,}")
            yield f"| {other} | {wave} | {' | '.join(cells)} |"


def test_the_differences_are_those_of_the_runs(study, page):
    lines = list(differences(study))
    assert len(lines) == sum(len(datasets) for _, datasets in AGAINST)
    for line in lines:
        assert line in page


def test_the_parts_are_those_of_the_leaderboard(page):
    lines = list(decomposition())
    assert len(lines) == 8  # `tiny` has no linear part with 14 classes
    for line in lines:
        assert line in page


def test_the_curves_are_those_of_the_runs(study, page):
    lines = list(epochs(study))
    assert lines
    for line in lines:
        assert line in page


def test_the_choices_are_those_of_the_runs(study, page):
    lines = list(choices(study))
    assert len(lines) == len(ablation.variants()) - 1
    for line in lines:
        assert line in page


def test_the_lengths_are_those_of_the_runs(study, page):
    for line in lengths(study):
        assert line in page
    assert complexity_tables.crossing([1, 2], [1, 1], [2, 2]) == 1
