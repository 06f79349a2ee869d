"""How large the gradients are while models train, and whether they are those predicted.

After paper 2, whose experiment compares the gradients of the [CLS] token, the whole input and the
classifier.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from wave_network.experiments.gradient_norms import (
    BATCH_SIZE,
    BERT_STEPS_ON_CPU,
    STEPS,
    measure_norms,
)
from wave_network.experiments.section import Plot, Section, Table
from wave_network.experiments.study import Row, Study, grouped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME: Final = "gradients"
MODELS: Final = ("wave-modulation", "wave-interference", "transformer", "bert")
DATASETS: Final = ("ag_news",)
SPECTRAL_LENGTHS: Final = (8, 64, 128, 512)

_RUN: Final = ("dataset", "model", "training_rows")
_AVERAGED: Final = 10
_NORMS: Final = {"cls": "[CLS]", "text": "all tokens", "classifier": "classifier"}


def measure(study: Study) -> None:
    """Check the predictions; then train each model with seed 0 and note every step's norms."""
    from wave_network.experiments.tasks import find_encoder, load_task

    study.once(NAME, {"part": "predictions"}, _predictions)
    study.once(NAME, {"part": "spectral norms"}, _spectral_norms)
    study.once(NAME, {"part": "codings"}, _codings)
    options = study.options
    models = study.wanted(MODELS)
    if find_encoder(options) is None:
        models = [name for name in models if name not in ("transformer", "bert")]
    for dataset in options.datasets or DATASETS:
        for model in models:

            def run(dataset: str = dataset, model: str = model) -> list[Row]:
                return measure_norms(load_task(options, dataset, 0), model, options)

            study.once(NAME, study.key(part="norms", dataset=dataset, model=model), run)


def section(study: Study) -> Section:
    """The norms by step, and every prediction with its largest deviation."""
    rows = study.rows(NAME)
    norms = _of(rows, "norms")
    return Section(
        title="Gradients (after paper 2)",
        paper=(
            "The abstract names gradient comparisons for the [CLS] token, the whole input text and "
            "the classifier's parameters; paper 1 gives their batch size, 32. A summary lists "
            "*gradient norm* as a keyword. Formulas and values could not be obtained."
        ),
        protocol=(
            f"Ours, but for the batch of {BATCH_SIZE}. After the backward pass of each of the "
            f"first {STEPS} steps ({BERT_STEPS_ON_CPU} for BERT on a CPU; fewer where `--limit` "
            "and `--epochs` leave fewer), before any clipping: the L2 norm of the gradient of the "
            "batch's mean loss by the input embedding of [CLS], and by those of all tokens of the "
            "text, both the mean over the texts of the batch; and by weight and bias of the "
            "classifier. An input embedding is what the token table gives, before positions. Seed "
            "0, rates as for accuracy (1e-3; BERT 2e-5). **Predictions** are ours too, from the "
            "closed form of the gradients (`ops/README.md`): they are compared with automatic "
            "differentiation in float64, of the paper's formulas in complex arithmetic and of our "
            "fast path, on random texts of 2 to 40 tokens." + _missing(norms)
        ),
        tables=[
            _norm_table(norms),
            _prediction_table(_of(rows, "predictions")),
            _spectral_table(_of(rows, "spectral norms")),
            _coding_table(_of(rows, "codings")),
        ],
        plots=[
            Plot(
                f"gradients-{dataset}",
                f"Norm of the gradient by step, {dataset}.",
                partial(_draw, group),
            )
            for (dataset,), group in grouped(norms, ("dataset",)).items()
        ],
        findings=[
            *_prediction_findings(rows),
            *(_norm_finding(group) for group in grouped(norms, _RUN).values()),
        ],
        difference=(
            "There are no values of the paper's to compare with. The norms of different models "
            "are not on one scale: it depends on the embeddings' own size (random ones of "
            "deviation 0.1 for the waves, BERT's for the others), on the width and on the norms "
            "inside of the models. What can be compared is their course, and how the gradient is "
            "shared between [CLS] and the text."
        ),
    )


def _of(rows: Sequence[Row], part: str) -> list[Row]:
    return [row for row in rows if row["part"] == part]


def _missing(norms: Sequence[Row]) -> str:
    if any(row["model"] in ("transformer", "bert") for row in norms):
        return ""
    return " The Transformer layer and BERT are missing: no pretrained encoder was found."


def _predictions() -> list[Row]:
    from wave_network.experiments.predictions import check_all, fast_path, paper_formulas

    by_formulas, by_fast_path = check_all(paper_formulas), check_all(fast_path)
    return [
        {"prediction": name, "paper_formulas": by_formulas[name], "fast_path": by_fast_path[name]}
        for name in by_formulas
    ]


def _spectral_norms() -> list[Row]:
    from wave_network.experiments.predictions import fast_path, paper_formulas, spectral_norm

    return [
        {
            "tokens": tokens,
            "predicted": math.sqrt(tokens - 1),
            "paper_formulas": spectral_norm(paper_formulas, tokens),
            "fast_path": spectral_norm(fast_path, tokens),
        }
        for tokens in SPECTRAL_LENGTHS
    ]


def _codings() -> list[Row]:
    """One row for each coding and text; an error of None means NaN or infinite."""
    from wave_network.experiments.predictions import CODINGS, gradient_error, singular_texts

    errors = [
        (coding, text, gradient_error(represent, w))
        for coding, represent in CODINGS.items()
        for text, w in singular_texts().items()
    ]
    return [
        {"coding": coding, "text": text, "error": error if math.isfinite(error) else None}
        for coding, text, error in errors
    ]


def _norm_table(rows: Sequence[Row]) -> Table:
    cells = []
    for (dataset, model, count), group in grouped(rows, _RUN).items():
        cells.append(
            (
                dataset,
                model,
                f"{count:,}",
                str(group[0]["width"]),
                str(len(group)),
                f"{_mean(group[:_AVERAGED], 'loss'):.2f} → {_mean(group[-_AVERAGED:], 'loss'):.2f}",
                *(
                    f"{_mean(group[:_AVERAGED], name):.2e} → {_mean(group[-_AVERAGED:], name):.2e}"
                    for name in _NORMS
                ),
                f"{100 * _mean(group, 'cls_share'):.1f} %",
            )
        )
    return Table(
        caption=(
            f"Loss and gradient norms, mean of the first {_AVERAGED} → the last {_AVERAGED} steps, "
            "and the part of [CLS] in the sum of squares over the text, mean over all steps."
        ),
        columns=(
            *("data", "model", "training rows", "width", "steps", "loss"),
            *_NORMS.values(),
            "part of [CLS]",
        ),
        rows=cells,
    )


def _mean(rows: Sequence[Row], column: str) -> float:
    return float(np.mean([row[column] for row in rows]))


def _prediction_table(rows: Sequence[Row]) -> Table:
    return Table(
        caption=(
            "The largest deviation from each prediction, relative to the largest expected entry. "
            "a, b: gradients by Re and Im; C, A, B: contexts of w, u, v; X: the sum over the other "
            "tokens; p = a v + b B, q = b v − a B."
        ),
        columns=("prediction", "paper's formulas", "fast path"),
        rows=[
            (row["prediction"], f"{row['paper_formulas']:.0e}", f"{row['fast_path']:.0e}")
            for row in rows
        ],
    )


def _spectral_table(rows: Sequence[Row]) -> Table:
    return Table(
        caption=(
            "Spectral norm of the context's Jacobian, all tokens of a random text stacked; "
            "√(n − 1) is predicted."
        ),
        columns=("tokens n", "predicted", "paper's formulas", "fast path"),
        rows=[
            (
                str(row["tokens"]),
                *(f"{row[name]:.4f}" for name in ("predicted", "paper_formulas", "fast_path")),
            )
            for row in rows
        ],
    )


def _coding_table(rows: Sequence[Row]) -> Table:
    texts = list(dict.fromkeys(row["text"] for row in rows))
    return Table(
        caption=(
            "Where the usual codings of the representation fail: the largest error of the gradient "
            "in float32, relative to the largest entry of the exact one. r = w/G, S = G²."
        ),
        columns=("coding", *texts),
        rows=[
            (coding, *(_error(row["error"]) for row in group))
            for (coding,), group in grouped(rows, ("coding",)).items()
        ],
    )


def _error(error: float | None) -> str:
    if error is None:
        return "NaN or infinite"
    return "0" if error == 0 else f"{error:.0e}"


def _prediction_findings(rows: Sequence[Row]) -> Iterator[str]:
    checked = _of(rows, "predictions")
    if checked:
        largest = max(max(row["paper_formulas"], row["fast_path"]) for row in checked)
        yield (
            f"All {len(checked)} predictions hold to rounding: the largest deviation is "
            f"{largest:.0e} in float64."
        )
    spectral = _of(rows, "spectral norms")
    if spectral:
        largest = max(abs(row["fast_path"] / row["predicted"] - 1) for row in spectral)
        yield (
            "With gradients at all tokens the context's share can grow with the text, by √(n − 1) "
            f"at most, which random texts reach to {largest:.0e}: w and C are the singular vectors "
            "of any text."
        )
    by_coding = grouped(_of(rows, "codings"), ("coding",)).values()
    failing = [
        group
        for group in by_coding
        if any(row["error"] is None or row["error"] > 1e-5 for row in group)
    ]
    if by_coding:
        yield (
            f"{len(failing)} of {len(by_coding)} codings give NaN or a gradient off by more than "
            "1e-5 on at least one of these texts. A single token is no rarity: it is what an empty "
            "text is."
        )


def _norm_finding(rows: Sequence[Row]) -> str:
    first = rows[0]
    changes = ", ".join(
        f"{words} {_mean(rows[-_AVERAGED:], name) / _mean(rows[:_AVERAGED], name):.2f}"
        for name, words in _NORMS.items()
    )
    return (
        f"{first['dataset']}, {first['model']}, {len(rows)} steps: last norms as a multiple of the "
        f"first: {changes}; {100 * _mean(rows, 'cls_share'):.1f} % of the text's squared gradient "
        "is at [CLS]."
    )


def _draw(rows: Sequence[Row], figure: Figure) -> None:
    from wave_network.experiments.plots import grid_of_lines

    largest = max(row["training_rows"] for row in rows)
    shown = [row for row in rows if row["training_rows"] == largest]
    panels = {
        words: {
            model: ([row["step"] for row in group], [row[name] for row in group])
            for (model,), group in grouped(shown, ("model",)).items()
        }
        for name, words in _NORMS.items()
    }
    grid_of_lines(figure, panels, xlabel="step", ylabel="L2 norm of the gradient", log_y=True)
