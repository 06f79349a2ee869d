"""Which of the choices that the papers leave open matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from wave_network.experiments.section import Plot, Section, Table
from wave_network.experiments.statistics import from_hex, paired_bootstrap, percent, points
from wave_network.experiments.study import Row, Study, grouped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME: Final = "ablation"
DATASETS: Final = ("ag_news",)
WIDTH: Final = 256
"""Narrower than the paper's 768, so that all the variants can be trained on a CPU."""

REFERENCE: Final[Mapping[str, Any]] = {
    "operation": "modulation",
    "readout": "concat",
    "pooling": "cls",
    "positions": "sinusoidal",
    "levels": "input+input",
    "depth": 1,
    "start": 0.1,
}


def variants() -> list[dict[str, Any]]:
    """The reference and what differs from it: a full grid of read-outs, else one thing at a time.

    `levels` names the first and the second variant's; `start` is the standard deviation of the
    embeddings at the beginning (1.0 is that of `nn.Embedding`).
    """
    grid = [
        {"operation": operation, "readout": readout, "pooling": pooling}
        for operation, pooling, readout in product(
            ("modulation", "interference"),
            ("cls", "mean"),
            ("concat", "magnitude", "real", "imaginary"),
        )
    ]
    single: list[dict[str, Any]] = [
        {"positions": "learned"},
        {"positions": "none"},
        {"levels": "sentence+input"},
        {"depth": 2},
        {"depth": 4},
        {"start": 0.02},
        {"start": 1.0},
    ]
    return [{**REFERENCE, **changed} for changed in (*grid, *single)]


def measure(study: Study) -> None:
    """Train every variant with every seed."""
    from wave_network.experiments.running import result_row, train_on
    from wave_network.experiments.tasks import load_task

    options = study.options
    for dataset in options.datasets or DATASETS:
        for seed in range(options.seeds):
            for variant in variants():
                key = study.key(dataset=dataset, seed=seed, **variant)

                def run(
                    dataset: str = dataset,
                    seed: int = seed,
                    variant: dict[str, Any] = variant,
                    key: Row = key,
                ) -> list[Row]:
                    task = load_task(options, dataset, seed, sentences=True)
                    trained = train_on(
                        task,
                        "wave-modulation",
                        options,
                        seed=seed,
                        model_options={"hidden_size": WIDTH, **_model_options(variant)},
                        checkpoints=study.checkpoints(NAME, key),
                    )
                    return [result_row(trained, task)]

                study.once(NAME, key, run)


def section(study: Study) -> Section:
    """Every variant beside the reference, and which differences are real."""
    rows = study.rows(NAME)
    groups = [
        group
        for group in grouped(rows, ("dataset", "training_rows", "epochs")).values()
        if any(_variant(row) == REFERENCE for row in group)
    ]
    return Section(
        title="Ablation: the choices that the papers leave open",
        paper=(
            "Neither paper says how a complex vector becomes a real one (g of Eq. 8), how tokens "
            "are pooled, or which positional encoding is used; paper 1 draws sentence-level global "
            "semantics in Fig. 6a and leaves it out of the text, and gives Eq. 8 for several "
            "layers without a measurement."
        ),
        protocol=(
            f"Ours. The accuracy experiment's training at {WIDTH} dimensions. Read-out, pooling "
            "and operation in all combinations; everything else one at a time from modulation, "
            "`[Re, Im]`, [CLS], sinusoidal positions, input-level semantics, one layer, "
            "embeddings started at 0.1. The interval is a paired bootstrap over the test texts "
            "and the seeds (10,000 resamples)."
        ),
        tables=[_table(group) for group in groups],
        plots=[
            Plot("ablation", "Test accuracy less the reference's.", partial(_draw, groups[0])),
        ]
        if groups
        else [],
        findings=[finding for group in groups for finding in _findings(group)],
        difference=(
            "The paper has nothing to compare with. Two cells are settled by algebra: interference "
            "with the real part and [CLS] cannot see the text (chance), and modulation's magnitude "
            "G G' is the same for every token, so that [CLS] and mean pooling differ by rounding."
        ),
    )


def _model_options(variant: Mapping[str, Any]) -> dict[str, Any]:
    renamed = {"depth": "num_layers", "start": "initializer_range"}
    options = {renamed.get(name, name): value for name, value in variant.items()}
    return {**options, "levels": tuple(variant["levels"].split("+"))}


def _variant(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in REFERENCE}


def _changes(variant: Mapping[str, Any]) -> str:
    changed = [f"{name} {value}" for name, value in variant.items() if value != REFERENCE[name]]
    return ", ".join(changed) or "reference"


def by_change(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows by what they change, the reference first."""
    groups = grouped(rows, REFERENCE)
    named = {_changes(_variant(group[0])): group for group in groups.values()}
    order = {_changes(variant): place for place, variant in enumerate(variants())}
    return dict(sorted(named.items(), key=lambda item: order[item[0]]))


def _table(rows: Sequence[Row]) -> Table:
    groups = by_change(rows)
    reference = [from_hex(row["_correct"]) for row in groups["reference"]]
    cells = []
    for name, group in groups.items():
        interval = paired_bootstrap([from_hex(row["_correct"]) for row in group], reference)
        cells.append(
            (
                name,
                str(len(group)),
                percent([row["test_accuracy"] for row in group]),
                "" if name == "reference" else points(interval),
                "yes" if interval.is_real else "",
                f"{group[0]['parameters_beside_embedding']:,}",
            )
        )
    first = rows[0]
    return Table(
        caption=(
            f"{first['dataset']}, {first['training_rows']:,} training rows, {first['epochs']} "
            f"epochs, {WIDTH} dimensions: test accuracy in percent, and points against the "
            "reference."
        ),
        columns=("change", "seeds", "test", "difference", "real?", "parameters beside embedding"),
        rows=cells,
    )


def _findings(rows: Sequence[Row]) -> list[str]:
    groups = by_change(rows)
    reference = [from_hex(row["_correct"]) for row in groups["reference"]]
    real = {}
    for name, group in groups.items():
        interval = paired_bootstrap([from_hex(row["_correct"]) for row in group], reference)
        if interval.is_real:
            real[name] = interval
    better = [name for name, interval in real.items() if interval.difference > 0]
    worse = [name for name, interval in real.items() if interval.difference < 0]
    where = f"{rows[0]['dataset']}, {rows[0]['training_rows']:,} training rows"
    found = [
        f"{where}: better than the reference beyond the noise of texts and seeds: "
        f"{'; '.join(better) or 'nothing'}.",
        f"{where}: worse beyond it: {'; '.join(worse) or 'nothing'}.",
    ]
    blind = groups.get("readout magnitude")
    if blind:
        interval = paired_bootstrap(reference, [from_hex(row["_correct"]) for row in blind])
        found.append(
            f"{where}: what the phase adds to modulation (`[Re, Im]` against |M| = G G' alone): "
            f"{points(interval)} points."
        )
    return found


def _draw(rows: Sequence[Row], figure: Figure) -> None:
    groups = by_change(rows)
    reference = [from_hex(row["_correct"]) for row in groups.pop("reference")]
    figure.set_size_inches(7.2, 0.26 * len(groups) + 0.8)
    axes = figure.add_subplot()
    for place, group in enumerate(groups.values()):
        interval = paired_bootstrap([from_hex(row["_correct"]) for row in group], reference)
        low, mean, high = (100 * part for part in (interval.low, interval[0], interval.high))
        colour = "#0072b2" if interval.is_real else "#999999"
        axes.plot([low, high], [place, place], color=colour)
        axes.plot(mean, place, "o", color=colour)
    axes.axvline(0, color="#333333", linewidth=1)
    axes.set_yticks(range(len(groups)), list(groups))
    axes.invert_yaxis()
    axes.set_xscale("symlog", linthresh=5)
    axes.set_xlabel("points against the reference, 95 % interval (linear up to 5)")
