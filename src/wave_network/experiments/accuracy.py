"""Accuracy of wave interference and modulation (paper 1, Table 2)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from wave_network.experiments.section import Plot, Section, Table
from wave_network.experiments.statistics import from_hex, paired_bootstrap, percent, points
from wave_network.experiments.study import Row, Study, grouped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME: Final = "accuracy"
MODELS: Final = ("wave-modulation", "wave-interference")
DATASETS: Final = ("ag_news", "dbpedia14", "imdb")

PAPER: Final = {
    ("ag_news", "wave-modulation"): 91.66,
    ("ag_news", "wave-interference"): 90.91,
    ("ag_news", "bert"): 94.64,
    ("dbpedia14", "wave-modulation"): 98.05,
    ("dbpedia14", "wave-interference"): 97.93,
    ("dbpedia14", "bert"): 99.28,
    ("imdb", "wave-modulation"): 87.02,
    ("imdb", "wave-interference"): 87.00,
    ("imdb", "bert"): 93.94,
}
"""Paper 1, Table 2: test accuracy in percent."""

_SAME_RUNS: Final = ("dataset", "training_rows", "epochs")


def measure(study: Study, datasets: Sequence[str] = DATASETS) -> None:
    """Train both operations on every data set with every seed."""
    from wave_network.experiments.running import result_row, train_on
    from wave_network.experiments.tasks import load_task

    options = study.options
    for dataset in options.datasets or datasets:
        for seed in range(options.seeds):
            for model in study.wanted(MODELS):
                key = study.key(dataset=dataset, model=model, seed=seed)

                def run(
                    dataset: str = dataset, seed: int = seed, model: str = model, key: Row = key
                ) -> list[Row]:
                    task = load_task(options, dataset, seed)
                    checkpoints = study.checkpoints(NAME, key)
                    trained = train_on(task, model, options, seed=seed, checkpoints=checkpoints)
                    return [result_row(trained, task)]

                study.once(NAME, key, run)


def section(study: Study) -> Section:
    """The table of accuracies beside the paper's, and whether the operations differ."""
    rows = study.rows(NAME)
    return Section(
        title="Accuracy (paper 1, Table 2)",
        paper=(
            "One wave layer, trained from random embeddings for four epochs, reaches 91.66 % "
            "(modulation) and 90.91 % (interference) on AG News, 98.05 and 97.93 % on DBpedia14, "
            "87.02 and 87.00 % on IMDB. BERT base: 94.64, 99.28 and 93.94 %."
        ),
        protocol=(
            "As in the paper: 80/20 split of the training rows, batch 64, learning rate 1e-3, four "
            "epochs, the test set apart. Ours, since the paper is silent: AdamW at a constant "
            "rate, the best validation epoch, BERT's uncased WordPiece, 128 tokens (512 on IMDB), "
            "sinusoidal positions, [CLS] pooling, `[Re, Im]` read-out, one split for each seed."
        ),
        tables=[accuracy_table(rows)],
        plots=[Plot("accuracy", "Test accuracy; bars: range over the seeds.", partial(_draw, rows))]
        if rows
        else [],
        findings=[_operations(group) for group in grouped(rows, _SAME_RUNS).values()],
        difference=(
            "The accuracies are comparable only for equal training rows: see their column, against "
            "the paper's 96,000, 448,000 and 20,000. The paper reports one run without a "
            "spread; seeds differ by as much as the operations do."
        ),
    )


def accuracy_table(rows: Sequence[Row]) -> Table:
    """Mean and range over the seeds for each model on each data set, beside the paper's value."""
    cells = []
    for (dataset, training_rows, epochs, model), group in grouped(
        rows, (*_SAME_RUNS, "model")
    ).items():
        paper = PAPER.get((dataset, model))
        cells.append(
            (
                dataset,
                model,
                f"{training_rows:,}",
                str(epochs or "–"),
                str(len(group)),
                percent([row["validation_accuracy"] for row in group]),
                percent([row["test_accuracy"] for row in group]),
                percent([row["test_macro_f1"] for row in group]),
                f"{paper:.2f}" if paper else "–",
            )
        )
    head = ("data", "model", "training rows", "epochs", "seeds")
    return Table(
        caption="Accuracy in percent: mean over the seeds (lowest–highest).",
        columns=(*head, "validation", "test", "test macro F1", "paper, test"),
        rows=cells,
    )


def difference(rows: Sequence[Row], first: str, second: str) -> str | None:
    """How two models differ on the same test texts, in words; None if one was not measured."""
    correct = {
        name: [from_hex(row["_correct"]) for row in rows if row["model"] == name]
        for name in (first, second)
    }
    if not all(correct.values()):
        return None
    interval = paired_bootstrap(correct[first], correct[second])
    seeds = " and ".join(str(len(runs)) for runs in correct.values())
    verdict = "beyond" if interval.is_real else "within"
    return (
        f"{first} against {second} ({seeds} seeds): {points(interval)} points, {verdict} the noise "
        "of texts and seeds"
    )


def _operations(rows: Sequence[Row]) -> str:
    found = difference(rows, *MODELS) or "only one operation was measured"
    return f"{rows[0]['dataset']}, {rows[0]['training_rows']:,} training rows: {found}."


def _draw(rows: Sequence[Row], figure: Figure) -> None:
    from wave_network.experiments.plots import bar_plot

    values, errors = {}, {}
    for (dataset, model), group in grouped(rows, ("dataset", "model")).items():
        accuracies = [100 * row["test_accuracy"] for row in group]
        name = f"{model}, {dataset}"
        values[name] = sum(accuracies) / len(accuracies)
        errors[name] = (min(accuracies), max(accuracies))
    bar_plot(figure, values, errors=errors, ylabel="test accuracy in percent")
