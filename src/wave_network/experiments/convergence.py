"""How fast each model learns: test accuracy over the first 500 batches (after paper 2)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from wave_network.experiments.section import Plot, Section, Table
from wave_network.experiments.study import Row, Study, grouped
from wave_network.training.callbacks import Progress
from wave_network.training.interrupt import StopSignal

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

    from wave_network.experiments.tasks import Task

NAME: Final = "convergence"
MODELS: Final = ("wave-modulation", "wave-interference", "transformer", "bert")
DATASETS: Final = ("ag_news",)
BATCHES: Final = 500
EVERY: Final = 10
TEST_TEXTS: Final = 1_000
"""Test texts evaluated every ten batches; all of them would take longer than training."""

_RUN: Final = ("dataset", "model", "limit")


def measure(study: Study) -> None:
    """Train each model for 500 batches with seed 0."""
    from wave_network.experiments.tasks import find_encoder, load_task

    options = study.options
    models = study.wanted(MODELS)
    if find_encoder(options) is None:
        models = [name for name in models if name not in ("transformer", "bert")]
    for dataset in options.datasets or DATASETS:
        for model in models:

            def run(dataset: str = dataset, model: str = model) -> list[Row]:
                return _train(load_task(options, dataset, 0), model, study)

            study.once(NAME, study.key(dataset=dataset, model=model), run)


def section(study: Study) -> Section:
    """The curves, and how many batches each model needs to come near its best."""
    rows = study.rows(NAME)
    return Section(
        title="Convergence (after paper 2)",
        paper=(
            "A single wave layer converges fast from random embeddings. The experiment is stated "
            "(500 batches, test accuracy every ten; batch 64 for Wave and Transformer, 32 for "
            "BERT); its values could not be obtained."
        ),
        protocol=(
            f"{BATCHES} batches of the accuracy experiment's training, seed 0 (fewer where "
            "`--limit` and `--epochs` leave fewer). Every ten batches the accuracy on the same "
            f"{TEST_TEXTS:,} test texts, drawn once; with these, one point is worth 0.1 %."
        ),
        tables=[_table(rows)],
        plots=[Plot("convergence", "Test accuracy by batch.", partial(_draw, rows))]
        if rows
        else [],
        findings=[_finding(group) for group in grouped(rows, _RUN).values()],
        difference=(
            "There are no values of the paper's to compare with. The Transformer layer and BERT "
            "start from pretrained embeddings, the waves from random ones."
        ),
    )


class _Watcher(Progress):
    """Evaluates the model on test texts every ten steps, and ends training after some batches."""

    def __init__(self, model: nn.Module, task: Task) -> None:
        import numpy as np

        count = min(TEST_TEXTS, len(task.test))
        chosen = np.random.default_rng(0).choice(len(task.test), count, replace=False)
        self.texts = task.test.select(np.sort(chosen))
        self.model = model
        self.rows: list[Row] = []
        self.stop = StopSignal()
        self._steps = 0

    def step(self, loss: float) -> None:
        """Count the step; evaluate every ten."""
        self._steps += 1
        if self._steps % EVERY == 0:
            self.rows.append({"batch": self._steps, "test_accuracy": self._accuracy()})
        if self._steps == BATCHES:
            self.stop.request()

    def _accuracy(self) -> float:
        from wave_network.models.torch_logits import predict_probabilities

        device = next(self.model.parameters()).device
        probabilities = predict_probabilities(self.model, self.texts, device)
        self.model.train()
        return float((probabilities.argmax(axis=1) == self.texts.hard_labels).mean())


def _train(task: Task, name: str, study: Study) -> list[Row]:
    import torch

    from wave_network.experiments.models import build_model, train_config
    from wave_network.training.loop import train
    from wave_network.training.torch_model import TorchModel

    torch.manual_seed(0)
    model = build_model(name, task, study.options)
    config = train_config(name, study.options, seed=0)
    watcher = _Watcher(model, task)
    train(TorchModel(model), task.training, task.validation, config, watcher, stop=watcher.stop)
    return watcher.rows


def _table(rows: Sequence[Row]) -> Table:
    marks = (10, 50, 100, 200, 500)
    cells = []
    for (dataset, model, limit), group in grouped(rows, _RUN).items():
        at = {row["batch"]: row["test_accuracy"] for row in group}
        cells.append(
            (
                dataset,
                model,
                f"{limit:,}" if limit else "all",
                *(f"{100 * at[mark]:.1f}" if mark in at else "–" for mark in marks),
            )
        )
    return Table(
        caption="Test accuracy in percent after so many batches.",
        columns=("data", "model", "rows", *(str(mark) for mark in marks)),
        rows=cells,
    )


def _finding(rows: Sequence[Row]) -> str:
    best = max(row["test_accuracy"] for row in rows)
    near = next(row["batch"] for row in rows if row["test_accuracy"] >= best - 0.02)
    first = rows[0]
    return (
        f"{first['dataset']}, {first['model']}: within two points of its best ({100 * best:.1f} %) "
        f"after {near} of {rows[-1]['batch']} batches."
    )


def _draw(rows: Sequence[Row], figure: Figure) -> None:
    from wave_network.experiments.plots import line_plot

    series = {
        f"{model}, {dataset}" + (f", {limit} rows" if limit else ""): (
            [row["batch"] for row in group],
            [100 * row["test_accuracy"] for row in group],
        )
        for (dataset, model, limit), group in grouped(rows, _RUN).items()
    }
    line_plot(figure, series, xlabel="batch", ylabel="test accuracy in percent")
